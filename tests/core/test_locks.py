"""PLT-5: one holder at a time over all processes, and one who overslept writes nothing."""

import asyncio
import os
import secrets
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import AutoReconnect

from app.core import changes, leases, locks
from app.core import database as connection
from app.core.database import Document
from app.core.locks import LockLost, LockTaken
from tests.core.locking import COUNT

ROOT = Path(__file__).parents[2]
Database = AsyncDatabase[Document]


@pytest.fixture
async def empty(database: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Database]:
    monkeypatch.setattr(connection, "_name", f"atrium_locks_{secrets.token_hex(6)}")
    fresh = connection.database()
    yield fresh
    await connection.client().drop_database(fresh.name)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leases of a second."""
    monkeypatch.setattr(leases, "SECONDS", 1.0)
    monkeypatch.setattr(leases, "RENEW", 0.2)


@asynccontextmanager
async def working(name: str, work: str) -> AsyncIterator[Process]:
    command = [sys.executable, "-m", "tests.core.locking", os.environ["MONGODB_URI"], name, work]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdin=PIPE, stdout=PIPE)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def line(process: Process) -> str:
    assert process.stdout
    return (await asyncio.wait_for(process.stdout.readline(), 60)).decode().strip()


async def token(name: str = "number", wait: float = 30) -> int:
    async with locks.hold(name, wait=wait) as lock:
        return lock.token


async def test_tokens_grow_with_every_holder_and_names_are_apart(empty: Database) -> None:
    assert [await token("a") for _ in range(3)] == [1, 2, 3]
    assert await token("b") == 1
    async with locks.hold("a"):
        assert await token("b") == 2


async def test_tasks_of_one_process_exclude_each_other_and_who_waits_too_long_is_told(empty: Database) -> None:
    async with locks.hold("a"):
        with pytest.raises(LockTaken):
            await token("a", wait=0)
        with pytest.raises(LockTaken):
            await token("a", wait=0.1)
        waiter = asyncio.create_task(token("a"))
        await asyncio.sleep(0.1)
        assert not waiter.done()
    assert await waiter == 2


async def test_two_processes_lose_no_update(empty: Database) -> None:
    async with working(empty.name, "count") as first, working(empty.name, "count") as second:
        assert [await line(one) for one in (first, second)] == ["ready", "ready"]
        answers = await asyncio.gather(first.communicate(b"begin\n"), second.communicate(b"begin\n"))
    assert (await empty.numbers.find_one({}) or {})["value"] == 2 * COUNT
    tokens = [[int(one) for one in out.split()] for out, _ in answers]
    assert sorted(tokens[0] + tokens[1]) == list(range(1, 2 * COUNT + 1)), "each holder has a token of its own"
    assert all(one == sorted(one) for one in tokens)
    assert tokens[0][0] < tokens[1][-1] and tokens[1][0] < tokens[0][-1], "each worked alone"


async def test_a_holder_that_was_stopped_past_its_lease_writes_nothing(empty: Database) -> None:
    await empty.numbers.insert_one({"_id": "number", "value": 0})
    async with working(empty.name, "stay") as stopped:
        old = int(await line(stopped))
        stopped.send_signal(signal.SIGSTOP)
        async with locks.hold("number", wait=60) as lock:
            assert lock.token > old
            where, fence = lock.guard()
            for _ in range(2):
                write = {"$inc": {"value": 1}, **fence}
                assert (await empty.numbers.update_one({"_id": "number", **where}, write)).modified_count == 1
            stopped.send_signal(signal.SIGCONT)
            assert stopped.stdin
            stopped.stdin.write(b"\n")
            assert await line(stopped) == "0", "its write was not refused"
            rest, _ = await asyncio.wait_for(stopped.communicate(), 60)
            assert rest.endswith(b"lost\n"), "nobody told it"
            assert not lock.lost, "the stale holder gave back what was not its own"
            with pytest.raises(LockTaken):
                await token(wait=0)
    assert await empty.numbers.find_one({}) == {"_id": "number", "value": 2, "fence": lock.token}


async def test_after_a_kill_the_next_holds_it_within_the_lease(empty: Database) -> None:
    async with working(empty.name, "stay") as killed:
        old = int(await line(killed))
        killed.kill()
        start = time.monotonic()
        assert await token(wait=60) == old + 1
        waited = time.monotonic() - start
    print(f"next holder {waited:.2f} s after kill -9 (lease {leases.SECONDS} s)")
    assert waited < leases.SECONDS + 3


async def test_it_is_renewed_for_as_long_as_the_work_takes(empty: Database, short: None) -> None:
    async with locks.hold("a") as lock:
        with pytest.raises(LockTaken):
            await token("a", wait=2.5)
        assert not lock.lost


async def test_the_body_ends_when_the_lock_cannot_be_renewed(
    empty: Database, short: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise AutoReconnect("no primary")

    lost, reached = REGISTRY.get_sample_value("atrium_locks_lost_total") or 0, False
    with pytest.raises(LockLost):
        async with locks.hold("a") as lock:
            assert REGISTRY.get_sample_value("atrium_locks_held") == 1
            monkeypatch.setattr(leases, "take", away)
            start = time.monotonic()
            await asyncio.sleep(60)
            reached = True
    assert lock.lost
    assert not reached
    assert time.monotonic() - start < 20
    assert REGISTRY.get_sample_value("atrium_locks_lost_total") == lost + 1
    assert REGISTRY.get_sample_value("atrium_locks_held") == 0


async def test_a_short_absence_of_the_database_loses_nothing(empty: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    take, absences = leases.take, 0

    async def flaky(name: str, id: str, owner: str) -> Document | None:
        nonlocal absences
        if absences < 2:
            absences += 1
            raise AutoReconnect("no primary")
        return await take(name, id, owner)

    monkeypatch.setattr(leases, "SECONDS", 5.0)
    monkeypatch.setattr(leases, "RENEW", 0.1)
    async with locks.hold("a") as lock:
        monkeypatch.setattr(leases, "take", flaky)
        await asyncio.sleep(1)
        assert absences == 2
        assert not lock.lost


async def test_the_body_ends_when_somebody_else_has_it(empty: Database, short: None) -> None:
    with pytest.raises(LockLost):
        async with locks.hold("a"):
            await empty.locks.update_one({"_id": "a"}, {"$set": {"owner": "somebody else"}})
            await asyncio.sleep(60)
    assert (await empty.locks.find_one({"_id": "a"}) or {})["owner"] == "somebody else"


async def test_what_the_body_raises_is_what_the_caller_sees_and_the_lock_is_free(empty: Database) -> None:
    with pytest.raises(TimeoutError, match="of its own"):
        async with locks.hold("a"):
            raise TimeoutError("of its own")
    task = asyncio.create_task(stay_for_ever())
    await asyncio.sleep(0.3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await token("a", wait=1) == 3


async def stay_for_ever() -> None:
    async with locks.hold("a"):
        await asyncio.Event().wait()


async def test_only_the_servers_clock_decides(empty: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.core.clock.source", lambda: time.time() + 3_600)
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 3_600)
    async with locks.hold("a"):
        with pytest.raises(LockTaken):
            await token("a", wait=0.3)
        row = await empty.locks.find_one({"_id": "a"}) or {}
        server = (await connection.client().admin.command("hello"))["localTime"].replace(tzinfo=UTC)
        assert abs((row["until"] - server).total_seconds()) < leases.SECONDS + 1


async def test_a_lock_inside_a_transaction_is_refused(empty: Database) -> None:
    async def inside() -> None:
        async with locks.hold("a"):
            raise AssertionError("it was held")

    with pytest.raises(RuntimeError, match="around"):
        await changes.rehearse(inside)
