"""B3 and B4: damage is refused, always; and nobody reads a backup without its key."""

import random
import shutil
from pathlib import Path

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from app.core import backups
from app.core.backups import Archive, BackupError
from app.core.backups.keys import Key, Keys
from app.core.backups.progress import silently
from app.core.backups.tailing import advance, beginning
from app.core.database import Document

CANARY = "canary-in-the-coal-mine"


@pytest.fixture
async def full(archive: Archive, living: AsyncDatabase[Document], tmp_path: Path) -> list[Path]:
    """The files of a full backup and four segments."""
    position = await beginning()
    await living.things.insert_many([{"_id": n, "text": f"{CANARY} {n}", CANARY: n} for n in range(3_000)])
    await backups.dump(archive, silently)
    for step in range(4):
        await living.things.update_many({"_id": {"$gt": 2_500}}, {"$set": {"text": f"{CANARY} again {step}"}})
        position = await advance(archive, position)
    return sorted(path for path in (tmp_path / "backups").rglob("*") if path.is_file())


async def refused(archive: Archive, living: AsyncDatabase[Document]) -> str:
    """What a restore says. Nothing of the living database may change, and verify must complain as well."""
    before = await living.command("dbHash")
    with pytest.raises(BackupError) as error:
        await backups.restore(archive, f"{living.name}_copy", None, silently)
    assert (await backups.verify(archive, silently)).wrong
    assert (await living.command("dbHash"))["md5"] == before["md5"]
    return str(error.value)


async def test_undamaged_it_is_accepted(archive: Archive, living: AsyncDatabase[Document], full: list[Path]) -> None:
    assert (await backups.verify(archive, silently)).wrong == []
    restored = await backups.restore(archive, f"{living.name}_copy", None, silently)
    assert restored.operations >= 4 * 499


async def test_b3_one_byte(archive: Archive, living: AsyncDatabase[Document], full: list[Path]) -> None:
    for seed in range(20):
        chance = random.Random(seed)
        file = chance.choice(full)
        content = file.read_bytes()
        altered = bytearray(content)
        altered[chance.randrange(len(altered))] ^= 1 << chance.randrange(8)
        file.write_bytes(altered)
        assert await refused(archive, living), seed
        file.write_bytes(content)


async def test_b3_every_file(archive: Archive, living: AsyncDatabase[Document], full: list[Path]) -> None:
    """Dropped, cut off, emptied, or another's content in its place."""
    assert len(full) >= 10
    for number, file in enumerate(full):
        content = file.read_bytes()
        file.unlink()
        assert await refused(archive, living), file
        for wrong in (content[: len(content) // 2], b"", full[number - 1].read_bytes(), content + content):
            file.write_bytes(wrong)
            assert (await backups.verify(archive, silently)).wrong, file
        file.write_bytes(content)
    assert (await backups.verify(archive, silently)).wrong == []


async def test_b3_a_foreign_folder(archive: Archive, living: AsyncDatabase[Document], full: list[Path]) -> None:
    for file in full:
        file.write_bytes(b"PK\3\4" + file.read_bytes())
    assert "not part of a backup of Atrium" in await refused(archive, living)


async def test_b3_another_databases_backup(
    archive: Archive, living: AsyncDatabase[Document], full: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "backups" / living.name).rename(tmp_path / "backups" / f"{living.name}_copy")
    renamed = Archive(archive.url, f"{living.name}_copy", archive.keys)
    with pytest.raises(BackupError, match=f"is of the database {living.name}, not of"):
        await backups.restore(renamed, f"{living.name}_copy", None, silently)
    for folder in (tmp_path / "backups" / f"{living.name}_copy").glob("full/*"):
        shutil.rmtree(folder)
    await living.client[renamed.database].things.insert_one({})
    await backups.dump(renamed, silently)
    wrong = (await backups.verify(renamed, silently)).wrong
    assert len([line for line in wrong if "segments/" in line and "is of the database" in line]) == 4


async def test_b4_nothing_can_be_read_without_the_key(
    archive: Archive, living: AsyncDatabase[Document], full: list[Path]
) -> None:
    assert not any(CANARY.encode() in file.read_bytes() for file in full)
    assert not any(CANARY in str(file) for file in full)
    wrong = Archive(archive.url, archive.database, Keys(Key(b"w" * 32)))
    said = await refused(wrong, living)
    assert f"BACKUP_KEY holds {Key(b'w' * 32).id.hex()}" in said
    rotated = Archive(archive.url, archive.database, Keys(Key(b"w" * 32), archive.keys.newest))
    assert (await backups.verify(rotated, silently)).wrong == []
