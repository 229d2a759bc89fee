"""What a restore reads beyond the newest full backup, and what it can and cannot replay."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pymongo
import pytest
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import OperationFailure
from structlog.testing import capture_logs

from app.core import backups, changes
from app.core.backups import Archive, BackupError, dumping, restoring, tailing
from app.core.backups.manifest import finished
from app.core.backups.progress import silently
from app.core.backups.replay import Replay
from app.core.backups.segments import stored
from app.core.backups.tailing import Tail, advance, beginning
from app.core.database import Document
from app.core.tasks import end
from tests.core.backups import bank

Restore = Callable[..., Awaitable[AsyncDatabase[Document]]]


async def damage(tmp_path: Path, name: str, object: str) -> None:
    [file] = (tmp_path / "backups").rglob(f"{name}/{object}")
    await asyncio.to_thread(file.write_bytes, (await asyncio.to_thread(file.read_bytes))[:-1])


async def test_a_damaged_newest_backup_is_passed_over(
    archive: Archive, living: AsyncDatabase[Document], restored: Restore, tmp_path: Path
) -> None:
    position = await beginning()
    first = await backups.dump(archive, silently)
    await living.things.insert_one({"_id": 1})
    position = await advance(archive, position)
    await asyncio.sleep(1.1)  # names tell the second
    await living.things.insert_one({"_id": 2})
    last = await backups.dump(archive, silently)
    await damage(tmp_path, last.name, "manifest")
    assert await (await restored(at=first.at)).things.count_documents({}) == 0
    with pytest.raises(BackupError, match="cut off"):  # the segments do not lead past it
        await restored()
    await living.things.insert_one({"_id": 3})
    await advance(archive, position)
    with capture_logs() as logs:
        assert await (await restored()).things.count_documents({}) == 3
    assert [(one["name"], one["instead"]) for one in logs if one["event"] == "backup_passed_over"] == [
        (last.name, first.name)
    ]


async def test_another_full_backup_can_be_named(
    archive: Archive, living: AsyncDatabase[Document], restored: Restore, tmp_path: Path
) -> None:
    position = await beginning()
    first = await backups.dump(archive, silently)
    await living.things.insert_one({"_id": 1})
    last = await backups.dump(archive, silently)
    await living.things.insert_one({"_id": 2})
    await advance(archive, position)
    await damage(tmp_path, last.name, "0001")
    with pytest.raises(BackupError, match=r"cannot be trusted|cut off"):
        await restored()
    assert await (await restored(base=first.name)).things.count_documents({}) == 2
    with pytest.raises(BackupError, match="There is no full backup none"):
        await restored(base="none")


async def test_events_are_kept_however_far_the_sequencer_was_behind(
    archive: Archive, living: AsyncDatabase[Document], restored: Restore
) -> None:
    position = await beginning()
    await changes.insert(bank.Counter(id=1, steps=[], deep={}))
    for step in range(3):
        event = bank.BankStepMade(bank.ACTOR, counter=1, step=step)
        await changes.change(bank.Counter, {"_id": 1}, {"$push": {"steps": step}}, event)
        position = await advance(archive, position)
    assert len(await stored(archive)) == 3
    await backups.dump(archive, silently)
    rows = await (await restored()).log.find().sort("_id", 1).to_list()
    assert [row["d"]["step"] for row in rows] == [0, 1, 2]


async def test_documents_of_any_size_are_replayed(
    archive: Archive, living: AsyncDatabase[Document], restored: Restore
) -> None:
    position = await beginning()
    await living.things.insert_one({"_id": "x" * 500_000, "n": 0})
    await backups.dump(archive, silently)
    for n in range(3):
        await living.things.insert_one({"_id": n, "x": b"x" * 3_000_000})
    await living.things.insert_one({"_id": 3, "x": b"x" * ((16 << 20) - 100)})
    for _ in range(20):
        await living.things.update_one({"_id": "x" * 500_000}, {"$inc": {"n": 1}})
    await living.things.insert_one({"_id": 4, "x": b"x" * 15_000_000})
    await advance(archive, position)
    copy = await restored()
    assert (await copy.command("dbHash", collections=["things"]))["md5"] == (
        await living.command("dbHash", collections=["things"])
    )["md5"]


async def test_long_commands_are_waited_for(
    archive: Archive, living: AsyncDatabase[Document], restored: Restore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection's own patience, 15 seconds, is too short for an index of a large collection."""
    position = await beginning()
    await backups.dump(archive, silently)
    await living.things.insert_one({"_id": 1})
    await living.things.create_index("n")
    await advance(archive, position)
    allowed, building = [], Replay._build

    async def watched(*arguments: Any) -> None:
        allowed.append(pymongo._csot.remaining())
        await building(*arguments)

    monkeypatch.setattr(Replay, "_build", watched)
    await restored()
    assert allowed
    assert all(seconds is not None and seconds > 3_000 for seconds in allowed)


@pytest.mark.parametrize("kind", ["view", "time series"])
async def test_views_made_since_are_named(
    archive: Archive, living: AsyncDatabase[Document], restored: Restore, kind: str
) -> None:
    position = await beginning()
    await backups.dump(archive, silently)
    await living.things.insert_one({"_id": 1})
    position = await advance(archive, position)
    [segment] = await stored(archive)
    before = (await segment.heading(archive))["at"]
    await asyncio.sleep(0.01)
    options: dict[str, Any] = {"viewOn": "log"} if kind == "view" else {"timeseries": {"timeField": "at"}}
    await living.create_collection("odd", **options)
    with capture_logs() as logs:
        await advance(archive, position)
    assert [one["database"] for one in logs if one["event"] == "backup_cannot_replay"] == [living.name]
    with pytest.raises(BackupError, match=r"At 20.* a view or a time series .*: restore to before it with --at"):
        await restored()
    assert await (await restored(at=before)).things.count_documents({}) == 1


async def test_rights_that_are_missing_are_said(
    archive: Archive, living: AsyncDatabase[Document], restored: Restore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await backups.dump(archive, silently)

    async def refused(*arguments: Any, **options: Any) -> None:
        raise OperationFailure("not authorized on admin", code=13)

    monkeypatch.setattr(restoring, "_load", refused)
    with pytest.raises(BackupError, match="has not the rights for a restore: give it the roles of"):
        await restored()
    with pytest.raises(BackupError, match="has not the rights for a drill"):
        await backups.drill(archive, silently)
    monkeypatch.setattr(dumping, "_dump", refused)
    with pytest.raises(BackupError, match="has not the rights for a backup"):
        await backups.dump(archive, silently)
    monkeypatch.setattr(tailing, "advance", refused)
    with capture_logs() as logs:
        tail = asyncio.create_task(Tail(archive).run())
        async with asyncio.timeout(60):
            while not any("has not the rights for a backup" in one.get("error", "") for one in logs):
                await asyncio.sleep(0.05)
        await end(tail)


async def test_the_archive_of_the_log_may_lie_beside(archive: Archive, living: AsyncDatabase[Document]) -> None:
    await living.things.insert_one({"_id": 1})
    await backups.dump(archive, silently)
    await archive.put("log/1-2", b"{}")
    assert (await backups.verify(archive, silently)).wrong == []
    [name] = await finished(archive)
    earlier = "0" * 16 + name[16:]
    await archive.put(f"full/{earlier}/0001", b"")
    assert f"full/{earlier}/0001 belongs to no backup" in "".join((await backups.verify(archive, silently)).wrong)
