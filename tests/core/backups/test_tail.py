"""The tail loses nothing, whatever ends it; and says so when the oplog did."""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from bson import Timestamp
from pymongo.asynchronous.database import AsyncDatabase
from structlog.testing import capture_logs

from app.core import backups
from app.core.backups import Archive, BackupError, oplog, tailing
from app.core.backups.manifest import finished
from app.core.backups.progress import silently
from app.core.backups.segments import Segment, stored
from app.core.backups.tailing import OplogOverran, Tail, advance, beginning
from app.core.database import Document
from app.core.tasks import end
from tests.core.backups import bank

Restore = Callable[..., Awaitable[AsyncDatabase[Document]]]


async def until(holds: Callable[[], Awaitable[object]], seconds: float = 90) -> None:
    async with asyncio.timeout(seconds):
        while not await holds():
            await asyncio.sleep(0.05)


async def test_the_first_tail_makes_a_full_backup(
    archive: Archive, living: AsyncDatabase[Document], restored: Restore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tailing, "EVERY", 0.1)
    await living.things.insert_one({"_id": 1})
    tail = Tail(archive)
    assert tail.figures() == {"following": 0, "behind_seconds": 0}
    following = asyncio.create_task(tail.run())
    await until(lambda: finished(archive))
    await living.things.insert_one({"_id": 2})
    position = await beginning()

    async def reached() -> bool:
        segments = await stored(archive)
        return bool(segments) and segments[-1].until >= position

    await until(reached)
    await until(lambda: asyncio.sleep(0, tail.figures()["following"]))
    assert tail.figures()["behind_seconds"] < 60
    await end(following)
    assert tail.figures()["following"] == 0
    assert await (await restored()).things.count_documents({}) == 2
    assert (await backups.verify(archive, silently)).wrong == []


async def test_two_tails_at_once_do_no_harm(
    archive: Archive, living: AsyncDatabase[Document], restored: Restore
) -> None:
    position = await beginning()
    await living.things.insert_many([{"_id": n} for n in range(10)])
    await backups.dump(archive, silently)
    middle = await advance(archive, position, anew=True)
    await living.things.update_many({}, {"$inc": {"n": 1}})
    await advance(archive, position, anew=True)  # one that was frozen, and begins where it stopped
    await living.things.update_many({}, {"$inc": {"n": 1}})
    await advance(archive, middle)
    assert await (await restored()).things.distinct("n") == [2]
    assert (await backups.verify(archive, silently)).wrong == []


KILLED = """
import asyncio, sys
from app.core import database
from app.core.backups import Archive, Tail, tailing
from app.core.backups.keys import Keys
tailing.EVERY = 0.05
tailing.SEGMENT_BYTES = 20_000
uri, name, url, key = sys.argv[1:]
async def main():
    database.connect(uri, name)
    await Tail(Archive(url, name, Keys.parse(key))).run()
asyncio.run(main())
"""


async def test_killed_at_any_moment_it_goes_on_where_it_was(
    archive: Archive, living: AsyncDatabase[Document], restored: Restore, mongodb_uri: str, key: str
) -> None:
    await bank.open_bank()
    arguments = ["-c", KILLED, mongodb_uri, living.name, archive.url, key]
    kills = 0
    async with bank.busy(3):
        for pause in (2.5, 3.2, 5.1, 6.3):  # a lease lasts four seconds
            tail = await asyncio.create_subprocess_exec(sys.executable, *arguments)
            await asyncio.sleep(pause)
            assert tail.returncode is None
            tail.send_signal(signal.SIGKILL)
            await tail.wait()
            kills += 1
    assert len(await stored(archive)) > 10
    if not await finished(archive):
        pytest.fail("no tail lived long enough to make a full backup")
    segments = await stored(archive)
    await advance(archive, segments[-1].until)
    copy = await restored()
    assert await bank.hashes(copy) == await bank.hashes(living)
    assert (await backups.verify(archive, silently)).wrong == []
    assert kills == 4


async def test_an_oplog_that_ran_over_is_said_and_mended(
    archive: Archive, living: AsyncDatabase[Document], restored: Restore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tailing, "EVERY", 0.1)
    position = await beginning()
    await living.things.insert_one({"_id": 1})
    await backups.dump(archive, silently)
    [first] = await finished(archive)
    gone = Timestamp((await beginning()).time, 1_000_000)  # no entry is there, as after the oplog ran over
    await Segment(position, gone).store(archive, datetime.now(UTC), [], anew=True)
    await asyncio.sleep(1.1)
    await living.things.insert_one({"_id": 3})
    with pytest.raises(OplogOverran):
        await advance(archive, gone)
    with capture_logs() as logs:
        following = asyncio.create_task(Tail(archive).run())

        async def another() -> bool:
            return len(await finished(archive)) == 2

        await until(another)
        await living.things.insert_one({"_id": 2})
        await asyncio.sleep(0.5)
        await end(following)
    assert [one["log_level"] for one in logs if one["event"] == "backup_oplog_overran"] == ["error"]
    assert (await finished(archive))[0] == first
    assert await (await restored()).things.count_documents({}) == 3
    assert (await backups.verify(archive, silently)).wrong == []


async def test_a_segment_never_ends_within_a_transaction(
    archive: Archive, living: AsyncDatabase[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    position = await beginning()
    await living.things.insert_one({"_id": 1})
    async with living.client.start_session() as session, await session.start_transaction():
        await living.big.insert_many([{"_id": n, "x": b"x" * 9_000_000} for n in range(4)], session=session)
    partial = [one async for one in oplog.entries(living.name, position, await beginning()) if oplog.partial(one)]
    assert len(partial) >= 1
    newest = partial[0]

    async def earlier() -> oplog.Entry:
        return newest

    monkeypatch.setattr(tailing, "newest", earlier)  # the end of the oplog that a majority had, for an instant
    reached = await advance(archive, position, anew=True)
    assert position < reached < newest["ts"]
    assert await advance(archive, reached) == reached
    monkeypatch.undo()
    await advance(archive, reached)
    names = [one["ns"] for segment in await stored(archive) async for one in segment.entries(archive)]
    assert names.count("admin.$cmd") == len(partial) + 1


async def test_other_databases_stay_out(archive: Archive, living: AsyncDatabase[Document]) -> None:
    other: Any = living.client[f"{living.name}_other"]
    position = await beginning()
    await other.things.insert_one({"_id": "canary of another"})
    async with living.client.start_session() as session, await session.start_transaction():
        await other.things.insert_one({"_id": 2}, session=session)
    await advance(archive, position, anew=True)
    [segment] = await stored(archive)
    assert [one async for one in segment.entries(archive)] == []


async def test_a_lost_newest_segment_stops_a_restore(archive: Archive, living: AsyncDatabase[Document]) -> None:
    position = await beginning()
    await backups.dump(archive, silently)
    position = await advance(archive, position, anew=True)
    await living.things.insert_one({})
    await advance(archive, position)
    await archive.delete([(await stored(archive))[-1].name])
    with pytest.raises(BackupError, match="the newest segment, is missing"):
        await backups.restore(archive, f"{living.name}_copy", None, silently)
