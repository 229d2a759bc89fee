"""The tail loses nothing, whatever ends it; and says so when the oplog did."""

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from bson import Timestamp
from pymongo.asynchronous.database import AsyncDatabase
from structlog.testing import capture_logs

from app.core import backups, leases
from app.core.backups import Archive, BackupError, oplog, origin, tailing
from app.core.backups.manifest import finished
from app.core.backups.progress import silently
from app.core.backups.segments import Run, Segment, chain, listed, stored
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
    assert tail.figures() == {"following": 0, "refused": 0}
    following = asyncio.create_task(tail.run())
    await until(lambda: finished(archive))
    await living.things.insert_one({"_id": 2})
    position = await beginning()

    async def reached() -> bool:
        segments = await stored(archive)
        return bool(segments) and segments[-1].until >= position.ts

    await until(reached)
    await until(lambda: asyncio.sleep(0, tail.figures()["following"]))
    assert 0 <= tail.figures()["behind_seconds"] < 60
    await end(following)
    assert tail.figures() == {"following": 0, "refused": 0}
    assert await (await restored()).things.count_documents({}) == 2
    assert (await backups.verify(archive, silently)).wrong == []


async def test_two_tails_at_once_do_no_harm(
    archive: Archive, living: AsyncDatabase[Document], restored: Restore
) -> None:
    position = await beginning()
    await living.things.insert_many([{"_id": n} for n in range(10)])
    await backups.dump(archive, silently)
    middle = await advance(archive, position)
    await living.things.update_many({}, {"$inc": {"n": 1}})
    await advance(archive, position)  # one that was frozen, and begins where it stopped
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
    print("begins", flush=True)
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
        for pause in (1.5, 2.2, 4.1, 5.3):
            tail = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=PIPE)
            assert tail.stdout and await tail.stdout.readline()
            await asyncio.sleep(pause)
            assert tail.returncode is None
            tail.send_signal(signal.SIGKILL)
            await tail.wait()
            kills += 1
    assert len(await stored(archive)) > 10
    if not await finished(archive):
        pytest.fail("no tail lived long enough to make a full backup")
    segments = await stored(archive)
    await advance(archive, segments[-1].end)
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
    gone = Timestamp((await beginning()).ts.time, 1_000_000)  # no entry is there, as after the oplog ran over
    lost = Segment(position.run, position.ts, gone, position.term)
    await lost.store(archive, datetime.now(UTC), [])
    await asyncio.sleep(1.1)
    await living.things.insert_one({"_id": 3})
    with pytest.raises(OplogOverran):
        await advance(archive, lost.end)
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
        await living.big.insert_many([{"_id": n, "x": b"x" * 9_000_000} for n in range(2)], session=session)
    partial = [
        one async for one in oplog.entries(living.name, position.ts, (await beginning()).ts) if oplog.partial(one)
    ]
    assert len(partial) >= 1
    newest = partial[0]

    async def earlier() -> oplog.Entry:
        return newest

    monkeypatch.setattr(tailing, "newest", earlier)  # the end of the oplog that a majority had, for an instant
    reached = await advance(archive, position)
    assert position.ts < reached.ts < newest["ts"]
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
    await advance(archive, position)
    [segment] = await stored(archive)
    assert [one async for one in segment.entries(archive)] == []


async def test_a_lost_newest_segment_stops_a_restore(archive: Archive, living: AsyncDatabase[Document]) -> None:
    position = await beginning()
    await backups.dump(archive, silently)
    position = await advance(archive, position)
    await living.things.insert_one({})
    await advance(archive, position)
    await archive.delete([(await stored(archive))[-1].name])
    with pytest.raises(BackupError, match="the newest segment, is missing"):
        await backups.restore(archive, f"{living.name}_copy", None, silently)


class Failing(Archive):
    """Refuses to store objects of some names, for as long as it is told to."""

    refuses = ""

    async def put(self, name: str, plain: bytes) -> None:
        if self.refuses and name.startswith(self.refuses):
            raise BackupError("the store is away")
        await super().put(name, plain)


@pytest.mark.parametrize("refuses", ["head", "segments/"])
@pytest.mark.parametrize("segment", [1, 2])
async def test_no_single_failed_write_hurts(
    archive: Archive, living: AsyncDatabase[Document], restored: Restore, refuses: str, segment: int
) -> None:
    failing = Failing(archive.url, archive.database, archive.keys)
    position = await beginning()
    await backups.dump(archive, silently)
    for number in (1, 2):
        await living.things.insert_one({"_id": number})
        failing.refuses = refuses if number == segment else ""
        with suppress(BackupError):
            position = await advance(failing, position)
        await restored()
    await Tail(archive)._position()
    failing.refuses = ""
    await living.things.insert_one({"_id": 3})
    await advance(failing, position)
    assert await (await restored()).things.count_documents({}) == 3
    assert (await backups.verify(archive, silently)).wrong == []


async def test_a_segment_without_its_head_stops_no_tail(
    archive: Archive, living: AsyncDatabase[Document], restored: Restore
) -> None:
    position = await beginning()
    await backups.dump(archive, silently)
    for number in range(2):
        await living.things.insert_one({"_id": number})
        position = await advance(archive, position)
    await archive.delete(["head", (await listed(archive))[-1].name])
    with pytest.raises(BackupError, match="head, which names the newest segment, is missing"):
        await restored()
    position = await Tail(archive)._position()
    await advance(archive, position)  # the oplog still has what the lost one held
    assert await (await restored()).things.count_documents({}) == 2


async def test_an_entry_of_another_term_is_another_history(archive: Archive, living: AsyncDatabase[Document]) -> None:
    position = await beginning()
    await living.things.insert_one({"_id": 1})
    with pytest.raises(OplogOverran):
        await advance(archive, replace(position, term=position.term - 1))
    ahead = Timestamp(position.ts.time + 3_600, 1)
    with pytest.raises(OplogOverran):
        await advance(archive, replace(position, ts=ahead, term=position.term - 1))
    assert await advance(archive, replace(position, ts=ahead)) == replace(position, ts=ahead)


async def test_runs_are_never_joined(archive: Archive, living: AsyncDatabase[Document], restored: Restore) -> None:
    """Of two servers with one database name; and of one, though the moments fit."""
    position = await beginning()
    manifest = await backups.dump(archive, silently)
    await living.things.insert_one({"_id": 1})
    reached = await advance(archive, position)
    await living.things.insert_one({"_id": 2})
    last = await advance(archive, reached)
    own, foreign = position.run, Run.new(position.ts, "5" * 24)
    [first, second] = await stored(archive)
    for run in (Run.new(position.ts, own.replica_set), foreign):
        others = [replace(first, run=own), replace(second, run=run)]
        assert chain(others, manifest.snapshot, own.replica_set) == [first]
    assert chain([replace(first, run=foreign)], manifest.snapshot, own.replica_set) == []
    assert last == second.end
    assert await (await restored()).things.count_documents({}) == 2


@pytest.mark.parametrize("kind", ["segments", "full backup"])
async def test_backups_of_another_server_are_not_added_to(
    archive: Archive, living: AsyncDatabase[Document], restored: Restore, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    position = await beginning()
    await living.things.insert_one({"_id": 1})
    if kind == "segments":
        await advance(archive, position)
    else:
        await backups.dump(archive, silently)

    async def another() -> str:
        return "5" * 24

    monkeypatch.setattr(origin, "replica_set", another)
    monkeypatch.setattr(tailing, "EVERY", 0.1)
    said = f"another MongoDB .*this is {'5' * 24}.*give this one a place of its own"
    with pytest.raises(BackupError, match=said):
        await backups.dump(archive, silently)
    before, tail = await archive.names(), Tail(archive)
    with capture_logs() as logs:
        following = asyncio.create_task(tail.run())
        await until(lambda: asyncio.sleep(0, tail.figures()["refused"]))
        await end(following)
    assert [one["log_level"] for one in logs if one["event"] == "backup_tail_refused"] == ["error"]
    assert tail.figures() == {"following": 0, "refused": 1}
    assert await archive.names() == before
    if kind == "full backup":
        assert await (await restored()).things.count_documents({}) == 1


async def test_leases_alone_are_stored_after_a_while(archive: Archive, living: AsyncDatabase[Document]) -> None:
    await leases.take("backups", "tail", "me")
    position = await beginning()
    for _ in range(3):
        await leases.take("backups", "tail", "me")
    assert await advance(archive, position, idle=300) == position
    assert await archive.names() == []
    await living.things.insert_one({"_id": 1})
    position = await advance(archive, position, idle=300)
    assert len(await stored(archive)) == 1
    await asyncio.sleep(1.1)
    await leases.take("backups", "tail", "me")
    assert await advance(archive, position, idle=1) != position
    assert len(await stored(archive)) == 2


async def test_until_its_full_backup_is_there_a_new_run_is_behind(
    archive: Archive, living: AsyncDatabase[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tailing, "EVERY", 0.1)
    may = asyncio.Event()
    make = backups.dump

    async def waiting(*arguments: Any) -> Any:
        await may.wait()
        return await make(*arguments)

    monkeypatch.setattr(tailing, "dump", waiting)
    await living.things.insert_one({"_id": 1})
    tail = Tail(archive)
    following = asyncio.create_task(tail.run())
    await until(lambda: asyncio.sleep(0, tail.figures().get("behind_seconds", 0) > 3))
    may.set()
    await until(lambda: asyncio.sleep(0, tail.figures()["behind_seconds"] < 3))
    await end(following)
