import os
import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from app.core import backups
from app.core.backups import Archive, BackupError, Retention
from app.core.backups.archive import Stored
from app.core.backups.keys import Keys
from app.core.backups.progress import silently
from app.core.backups.tailing import advance, beginning
from app.core.database import Document
from tests import s3
from tests.core.backups.conftest import KEY


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """A bucket of an S3 of our own."""
    with s3.bucket() as url:
        yield url


@pytest.fixture(params=["folder", "bucket"])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Archive:
    url = request.getfixturevalue("bucket") if request.param == "bucket" else f"file://{tmp_path}/not yet/there"
    return Archive(url, secrets.token_hex(4), Keys.parse(KEY))


async def pieces(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield os.urandom(1 << 20)


async def test_streams_and_small_things_come_back(archive: Archive) -> None:
    stored = await archive.write("full/1/0001", pieces(20))
    assert stored.size > 20 << 20
    assert sum([len(piece) async for piece in archive.read("full/1/0001", stored)]) == 20 << 20
    await archive.put("head", b"one")
    await archive.put("head", b"two")
    assert await archive.get("head") == b"two"
    await archive.put("segments/1", b"")
    assert await archive.names() == ["full/1/0001", "head", "segments/1"]
    assert await archive.names("full/") == ["full/1/0001"]
    await archive.delete(["full/1/0001", "segments/1"])
    assert await archive.names() == ["head"]


async def test_what_fails_on_the_way_is_not_there(archive: Archive) -> None:
    async def failing() -> AsyncIterator[bytes]:
        async for piece in pieces(20):
            yield piece
        raise RuntimeError("the database is gone")

    with pytest.raises(RuntimeError, match="the database is gone"):
        await archive.write("full/1/0001", failing())
    assert await archive.names() == []


async def test_what_is_missing_or_another_object_is_named(archive: Archive) -> None:
    with pytest.raises(BackupError, match="full/9/manifest is missing"):
        await archive.get("full/9/manifest")
    first = await archive.write("full/1/0001", pieces(1))
    await archive.write("full/1/0001", pieces(1))
    with pytest.raises(BackupError, match="not the object that its manifest names"):
        _ = [piece async for piece in archive.read("full/1/0001", first)]
    with pytest.raises(BackupError, match="not the object that its manifest names"):
        _ = [piece async for piece in archive.read("full/1/0001", Stored(first.size, "0"))]


async def test_databases_do_not_see_each_other(archive: Archive) -> None:
    await archive.put("head", b"one")
    other = Archive(archive.url, archive.database + "2", archive.keys)
    assert await other.names() == []


def test_a_place_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BackupError, match=r"BACKUP_URL .*file/folder cannot be used"):
        Archive(f"file://{tmp_path}/file/folder", "any", Keys.parse(KEY))


async def test_a_bucket_that_is_not_there_is_named(bucket: str) -> None:
    archive = Archive("s3://no-bucket", "any", Keys.parse(KEY))
    with pytest.raises(BackupError, match=r"cannot be used|is missing"):
        await archive.put("head", b"one")


async def test_a_database_goes_there_and_comes_back(bucket: str, living: AsyncDatabase[Document]) -> None:
    archive = Archive(bucket, living.name, Keys.parse(KEY))
    position = await beginning()
    await living.things.insert_many([{"_id": n, "noise": os.urandom(5_000)} for n in range(3_000)])
    await backups.dump(archive, silently)
    await living.things.update_many({"_id": {"$lt": 10}}, {"$set": {"seen": True}})
    await advance(archive, position)
    assert (await backups.verify(archive, silently)).wrong == []
    restored = await backups.restore(archive, f"{living.name}_copy", None, silently)
    assert await living.client[restored.database].things.count_documents({"seen": True}) == 10
    await backups.forget(archive, Retention(1, 0, 0))
    assert len(await archive.names("full/")) == len(await living.list_collection_names()) + 1
