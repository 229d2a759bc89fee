"""What is trimmed is in the archive first, whatever fails, and can be read back."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from typer.testing import CliRunner

from app.cli import app
from app.core import changes, seals
from app.core import database as connection
from app.core.backups.archive import Archive
from app.core.backups.errors import BackupError
from app.core.changes import retention
from app.core.clock import new_id, now
from app.core.database import Document
from app.core.settings import Settings
from app.services.platform import archives
from app.services.platform.archives import NotArchived, Stretch

Database = AsyncDatabase[Document]
ROWS, OLD = 25, 20


@pytest.fixture
async def log(
    database: AsyncDatabase[Document], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Database]:
    """A log of 25 rows, of which 20 are old, that is archived by sevens to a folder."""
    monkeypatch.setattr(connection, "_name", f"atrium_archive_{secrets.token_hex(6)}")
    monkeypatch.setattr(retention, "STRETCH", 7)
    monkeypatch.setenv("ARCHIVE_URL", (tmp_path / "archive").as_uri())
    monkeypatch.setattr(archives, "settings", lambda: Settings())
    fresh = connection.database()
    await changes.prepare()
    ages = [timedelta(days=40) if n <= OLD else timedelta() for n in range(1, ROWS + 1)]
    await fresh.log.insert_many([row(n, age) for n, age in enumerate(ages, 1)])
    yield fresh
    await connection.client().drop_database(fresh.name)


def row(position: int, age: timedelta) -> Document:
    return {
        "_id": position,
        "e": new_id(),
        "t": "Told.1",
        "o": new_id() if position % 2 else None,
        "s": ["a", "b"],
        "a": "system",
        "d": {"number": position, "text": "line\n\u2028 ü", "at": now()},
        "at": now() - age,
    }


async def held() -> list[tuple[int, int]]:
    return [(one.first, one.last) for one in await archives.stretches()]


async def lines(first: int, last: int) -> list[dict[str, Any]]:
    return [orjson.loads(line) async for line in archives.read(first, last)]


async def test_what_is_old_is_archived_and_then_trimmed(log: Database) -> None:
    rows = await log.log.find().sort("_id", 1).to_list()
    assert await archives.trim() == OLD
    assert await held() == [(1, 7), (8, 14), (15, 20)]
    assert await log.log.distinct("_id") == [21, 22, 23, 24, 25]
    assert (await log.sequencer.find_one({"_id": "log"}) or {})["floor"] == OLD
    found = await lines(3, 16)
    assert [line["position"] for line in found] == list(range(3, 17))
    first = rows[2]
    assert found[0] == {
        "position": 3,
        "id": {"$oid": str(first["e"])},
        "type": "Told.1",
        "organization": {"$oid": str(first["o"])},
        "streams": ["a", "b"],
        "actor": "system",
        "data": {"number": 3, "text": "line\n\u2028 ü", "at": {"$date": found[0]["data"]["at"]["$date"]}},
        "at": {"$date": found[0]["at"]["$date"]},
    }
    assert found[1]["organization"] is None
    assert await archives.trim() == OLD, "and nothing is done twice"


async def test_what_lies_there_is_sealed(log: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await archives.trim()
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert len(files) == 3
    assert not any(b"Told" in file.read_bytes() for file in files)
    files[0].write_bytes(files[0].read_bytes()[:-1])
    first = Stretch.of("log/" + files[0].name).first
    with pytest.raises(BackupError):
        await lines(first, first)
    monkeypatch.setattr(seals, "key", lambda purpose: b"\0" * 32)
    with pytest.raises(BackupError, match="key"):
        await lines(1, 1)


@pytest.mark.parametrize("step", range(14))
async def test_a_crash_at_any_step_loses_nothing(log: Database, monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """The steps: write, read back, raise the floor, delete; for each of three stretches."""
    steps = 0

    def crashing(owner: type, name: str, *only: str) -> None:
        original = getattr(owner, name)

        async def crash(self: Any, *arguments: Any, **options: Any) -> Any:
            nonlocal steps
            if not only or self.name in only:
                steps += 1
                if steps == step + 1:
                    raise ZeroDivisionError
            return await original(self, *arguments, **options)

        patch.setattr(owner, name, crash)

    with pytest.MonkeyPatch.context() as patch:
        crashing(Archive, "put")
        crashing(Archive, "get")
        crashing(AsyncCollection, "update_one", "sequencer")
        crashing(AsyncCollection, "delete_many", "log", "outbox")
        try:
            await archives.trim()
        except ZeroDivisionError:
            floor = (await log.sequencer.find_one({"_id": "log"}) or {})["floor"]
            assert {line["position"] for line in await lines(1, floor)} == set(range(1, floor + 1))
            kept = await log.log.distinct("_id", {"_id": {"$gt": floor}})
            assert kept == list(range(floor + 1, ROWS + 1))
        else:
            assert step >= 13, "a step was not counted"
    assert await archives.trim() == OLD
    assert [line["position"] for line in await lines(1, OLD)] == list(range(1, OLD + 1))
    assert archives.missing(await archives.stretches()) == []


async def test_nothing_is_forgotten_that_does_not_read_back(log: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    async def other(self: Archive, name: str) -> bytes:
        return b"something else\n"

    monkeypatch.setattr(Archive, "get", other)
    with pytest.raises(BackupError, match="as it was written"):
        await archives.trim()
    assert await log.log.count_documents({}) == ROWS
    assert (await log.sequencer.find_one({"_id": "log"}) or {})["floor"] == 0


async def test_nothing_is_forgotten_while_the_archive_is_away(
    log: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("ARCHIVE_URL", (tmp_path / "file" / "archive").as_uri())
    with pytest.raises(BackupError, match="ARCHIVE_URL"):
        await archives.trim()
    assert await log.log.count_documents({}) == ROWS


async def test_without_an_archive_it_is_only_trimmed(log: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ARCHIVE_URL")
    monkeypatch.setenv("LOG_DAYS", "39")
    assert await archives.trim() == OLD
    monkeypatch.setenv("LOG_DAYS", "41")
    assert await archives.trim() == OLD
    with pytest.raises(BackupError, match="ARCHIVE_URL"):
        await archives.stretches()


async def test_after_a_restored_backup_the_later_epoch_holds(log: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    await archives.trim()
    await log.log.insert_many([row(n, timedelta(days=40)) for n in range(10, 13)])
    await log.sequencer.update_one({"_id": "log"}, {"$set": {"floor": 9}, "$inc": {"epoch": 1}})
    before = {line["position"]: line["id"] for line in await lines(1, OLD)}
    await archives.keep(await changes.log.following(9, 3))
    after = {line["position"]: line["id"] for line in await lines(1, OLD)}
    assert list(after) == list(range(1, OLD + 1))
    assert [position for position in after if after[position] != before[position]] == [10, 11, 12]


async def test_a_hole_is_seen(log: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await archives.trim()
    (gone,) = [file for file in tmp_path.rglob("*") if file.name.startswith(f"{8:019}-")]
    gone.unlink()
    assert archives.missing(await archives.stretches()) == [(8, 14)]
    with pytest.raises(NotArchived, match="Position 8 "):
        await lines(1, OLD)


def test_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHIVE_URL", tmp_path.as_uri())
    monkeypatch.setattr(archives, "settings", lambda: Settings())
    archive = archives._archive()
    run = CliRunner()

    async def fill() -> None:
        await archive.put(Stretch(1, 2, 9).name, b'{"position": 1}\n{"position": 2}\n')
        await archive.put(Stretch(4, 4, 9).name, b'{"position": 4}\n')

    asyncio.run(fill())
    listed = run.invoke(app, ["log", "archive", "list"])
    assert listed.exit_code == 1
    assert "Missing: 3 to 3" in listed.output
    read = run.invoke(app, ["log", "archive", "read", "--from", "2", "--to", "2"])
    assert (read.exit_code, read.output) == (0, '{"position": 2}\n')
    assert run.invoke(app, ["log", "archive", "read", "--from", "2", "--to", "4"]).exit_code == 1
