"""MED-1: content that clients put into a bucket themselves, by a signed address."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from io import BytesIO
from pathlib import Path

import httpx
import pytest

from app.core.actor import Actor
from app.core.settings import settings
from app.dev.clamav import ClamAV
from app.integrations import storage
from app.models import File, FileState
from app.services.media import files
from app.services.media.files import FileAction, FileNotThere, NewFile
from tests.factories.organizations import make_owner
from tests.jobs.working import Worker
from tests.s3 import bucket


@pytest.fixture
def taking(clamav: ClamAV, worker: Worker, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Lets files be kept at a URL."""

    def take(url: str) -> None:
        own = {"CLAMAV_URL": clamav.url, "MEDIA_MAX_BYTES": "100000", "MEDIA_URL": url}
        for name, value in own.items():
            monkeypatch.setenv(name, value)
        settings.cache_clear()

    yield take
    settings.cache_clear()


@pytest.fixture
def in_bucket(taking: Callable[[str], None]) -> Iterator[None]:
    with bucket() as url:
        taking(f"{url}/{secrets.token_hex(4)}")
        yield


@pytest.fixture
def in_folder(taking: Callable[[str], None], tmp_path: Path) -> None:
    taking(f"file://{tmp_path}/not yet/there")


@pytest.fixture(params=["bucket", "folder"])
def anywhere(request: pytest.FixtureRequest, taking: Callable[[str], None], tmp_path: Path) -> Iterator[None]:
    with bucket() if request.param == "bucket" else nullcontext(f"file://{tmp_path}/not yet/there") as url:
        taking(url)
        yield


async def found(actor: Actor, file: File) -> FileState:
    return (await File.require(Actor.platform(actor.organization_id), file.id)).state


async def test_what_is_kept_can_be_had_moved_and_removed(anywhere: None, tmp_path: Path) -> None:
    content = tmp_path / "content"
    content.write_bytes(bytes(range(256)) * 10_000)
    with content.open("rb") as file:
        await storage.put("kept/a/b", file)
        await storage.put("kept/a/c/d", file)
    assert await storage.size("kept/a/b") == 2_560_000
    assert await storage.size("kept/nothing") is None
    assert b"".join([piece async for piece in storage.read("kept/a/b", 2_560_000)]) == content.read_bytes()
    await storage.move("kept/a/b", "kept/a/e")
    assert [await storage.size(f"kept/a/{name}") for name in ("b", "e")] == [None, 2_560_000]
    await storage.delete(["kept/a/e", "kept/nothing"])
    await storage.empty("kept/a")
    await storage.empty("kept/a")
    assert [await storage.size(f"kept/a/{name}") for name in ("e", "c/d")] == [None, None]


async def test_a_client_puts_it_into_the_bucket_and_can_change_it_no_more(in_bucket: None, worker: Worker) -> None:
    owner = await make_owner()
    begun = await files.begin(owner, NewFile(name="a.txt", size=5))
    given = FileAction(file_id=begun.file.id)
    with pytest.raises(FileNotThere):
        await files.complete(owner, given)
    async with httpx.AsyncClient() as http:
        (await http.put(begun.url, content=b"Hello")).raise_for_status()
        assert (await files.complete(owner, given)).state is FileState.STORED
        await worker.settled()
        assert await found(owner, begun.file) is FileState.CLEAN
        (await http.put(begun.url, content=b"Other")).raise_for_status()
        assert (await files.complete(owner, given)).state is FileState.CLEAN
    content = storage.read(begun.file.place, 5)
    assert b"".join([piece async for piece in content]) == b"Hello"


@pytest.mark.parametrize(("content", "code"), [(b"a" * 100_001, "FILE_TOO_LARGE"), (b"", "FILE_EMPTY")])
async def test_what_does_not_fit_is_refused_and_removed(
    in_bucket: None, worker: Worker, content: bytes, code: str
) -> None:
    owner = await make_owner()
    begun = await files.begin(owner, NewFile(name="a.txt", size=5))
    async with httpx.AsyncClient() as http:
        (await http.put(begun.url, content=content)).raise_for_status()
    await files.complete(owner, FileAction(file_id=begun.file.id))
    await worker.settled()
    row = await File.require(owner, begun.file.id)
    assert (row.state, row.finding) == (FileState.REFUSED, code)
    assert await storage.size(begun.file.landing) is None


async def test_content_goes_with_its_organization(in_folder: None, worker: Worker, tmp_path: Path) -> None:
    """ORG-7: the rows go by themselves."""
    owner, other = await make_owner(), await make_owner("Other")
    kept = [await files.announce(one, NewFile(name="a.txt", size=5)) for one in (owner, other)]
    for file in kept:
        await files.receive(file, BytesIO(b"Hello"), 5)
    await files.remove_of(kept[0].organization_id)
    assert [await storage.size(file.place) for file in kept] == [None, 5]
