"""What operators see and do: consumers that are paused, resumed, forgotten, and the figures of the log."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from app.core import changes, clock
from app.core.changes import Change, Consumer, Sequencer, consumer, operations, retention
from app.core.changes.operations import ConsumerFigures, ConsumerLeftBehind, ConsumerNotFound, ConsumerRuns
from app.core.clock import now
from app.core.database import Document
from app.core.tasks import end
from tests.core.changes.notes import PATIENCE, make

Database = AsyncDatabase[Document]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumer, "POLL", 0.02)


@asynccontextmanager
async def running(*consumers: Consumer) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(one.run()) for one in consumers]
    try:
        yield
    finally:
        await end(*tasks)


async def figures(name: str = "reader") -> ConsumerFigures:
    return next(one for one in await operations.consumers() if one.name == name)


async def reads(position: int) -> ConsumerFigures:
    """The figures as soon as the consumer got so far."""
    async with asyncio.timeout(PATIENCE):
        while True:
            found = [one for one in await operations.consumers() if (one.position or 0) >= position]
            if found:
                return found[0]
            await asyncio.sleep(0.02)


async def numbered(position: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while (await operations.stream()).head < position:
            await asyncio.sleep(0.02)


async def keep(_: Sequence[Change]) -> None:
    """A handler without effects."""


async def test_the_figures_of_a_consumer(empty: Database, sequencer: Sequencer) -> None:
    for key in "abc":
        await make(key)
    await numbered(3)
    await empty.consumers.insert_one({"_id": "reader", "position": 1})
    await empty.log.update_one({"_id": 2}, {"$set": {"at": now() - timedelta(minutes=5)}})
    behind = await figures()
    assert (behind.position, behind.lag, behind.lost, behind.owner, behind.paused_at) == (1, 2, 0, None, None)
    assert 300 <= behind.lag_seconds < 300 + PATIENCE
    async with running(Consumer("reader", keep)):
        done = await reads(3)
    assert (done.lag, done.lag_seconds, done.restarts, done.last_error) == (0, 0.0, 0, None)
    assert done.owner is not None
    assert done.owner.split(":")[1] == str(os.getpid())
    assert done.since is not None
    assert abs(now() - done.since) < timedelta(seconds=PATIENCE)
    assert (await figures()).owner is None, "it handed over"


async def test_a_failure_is_shown_until_long_after_it_was_mended(empty: Database, sequencer: Sequencer) -> None:
    mended = False

    async def handle(found: Sequence[Change]) -> None:
        if not mended and any(change.data["key"] == "bad" for change in found):
            raise ValueError("no way: amqp://user:hunter2@broker")

    for key in ("a", "bad", "c"):
        await make(key)
    async with running(Consumer("reader", handle)):
        await reads(1)
        async with asyncio.timeout(PATIENCE):
            while (bad := await figures()).last_error_position != 2:
                await asyncio.sleep(0.02)
        assert bad.failing
        assert bad.restarts > 0
        assert bad.last_error == "ValueError('no way: amqp://[redacted]@broker')"
        assert bad.last_error_at is not None
        mended = True
        after = await reads(3)
    assert not after.failing
    assert after.last_error == bad.last_error


async def test_a_paused_one_stops_within_two_seconds_and_stays_stopped(empty: Database, sequencer: Sequencer) -> None:
    seen: list[int] = []
    stuck, stopped = asyncio.Event(), asyncio.Event()

    async def handle(found: Sequence[Change]) -> None:
        if any(change.data["key"] == "long" for change in found) and not stopped.is_set():
            stuck.set()
            try:
                await asyncio.Event().wait()
            finally:
                stopped.set()
        seen.extend(change.position for change in found)

    await make("long")
    async with running(*(Consumer("reader", handle) for _ in range(3))), asyncio.timeout(2 * PATIENCE):
        await stuck.wait()
        asked = time.monotonic()
        await operations.pause("reader")
        await operations.pause("reader")
        await stopped.wait()
        print(f"stopped after {time.monotonic() - asked:.2f} s")
        await make("later")
        await numbered(2)
        await asyncio.sleep(1)
        paused = await figures()
        assert paused.paused_at is not None
        assert (paused.owner, paused.lag, seen) == (None, 2, [])
        await operations.resume("reader")
        await reads(2)
    assert seen == [1, 2]
    assert (await figures()).paused_at is None


async def test_trim_waits_for_a_paused_one_as_long_as_the_log_is_kept(empty: Database, sequencer: Sequencer) -> None:
    for key in "abc":
        await make(key)
    await numbered(3)
    await empty.log.update_many({}, {"$set": {"at": now() - 2 * retention.KEEP}})
    await empty.consumers.insert_one({"_id": "reader", "position": 1})
    await operations.pause("reader")
    assert await changes.trim() == 1
    await empty.consumers.update_one({}, {"$set": {"paused_at": now() - retention.KEEP - timedelta(minutes=1)}})
    assert await changes.trim() == 3
    assert (await figures()).lost == 2


async def test_one_that_was_left_behind_goes_on_only_when_told_to_skip(empty: Database, sequencer: Sequencer) -> None:
    seen: list[int] = []

    async def handle(found: Sequence[Change]) -> None:
        seen.extend(change.position for change in found)

    for key in "abc":
        await make(key)
    await numbered(3)
    await empty.consumers.insert_one({"_id": "reader", "position": 0, "paused_at": now()})
    await empty.sequencer.update_one({"_id": "log"}, {"$set": {"floor": 2}})
    await empty.log.delete_many({"_id": {"$lte": 2}})
    async with running(Consumer("reader", handle)):
        with pytest.raises(ConsumerLeftBehind):
            await operations.resume("reader")
        await empty.consumers.update_one({}, {"$unset": {"paused_at": ""}})  # nobody may get round it
        async with asyncio.timeout(PATIENCE):
            while "trimmed unread" not in ((await figures()).last_error or ""):
                await asyncio.sleep(0.02)
        assert seen == []
        await operations.resume("reader", skip=True)
        await reads(3)
    assert seen == [3]
    assert (await figures()).lost == 0


async def test_one_that_is_no_more_can_be_forgotten(empty: Database, sequencer: Sequencer) -> None:
    await make("a")
    async with running(Consumer("reader", keep)):
        await reads(1)
        with pytest.raises(ConsumerRuns):
            await operations.forget("reader")
    await operations.forget("reader")
    assert await operations.consumers() == []


@pytest.mark.parametrize("control", [operations.pause, operations.resume, operations.forget])
async def test_a_name_that_no_consumer_has(empty: Database, control: object) -> None:
    assert callable(control)
    with pytest.raises(ConsumerNotFound):
        await control("nobody")
    assert await operations.consumers() == []


async def test_the_figures_of_the_log(empty: Database, sequencer: Sequencer) -> None:
    for key in "abcde":
        await make(key)
    await numbered(5)
    await empty.log.update_many({"_id": {"$lte": 3}}, {"$set": {"at": now() - timedelta(hours=25)}})
    await empty.sequencer.update_one({"_id": "log"}, {"$set": {"floor": 1}})
    await empty.log.delete_many({"_id": {"$lte": 1}})
    found = await operations.stream()
    assert (found.head, found.floor, found.rows, found.rows_of_last_day) == (5, 1, 4, 2)
    assert found.oldest is not None
    assert now() - found.oldest > timedelta(hours=25)
    assert found.owner is not None
    assert 0 <= found.lag_seconds < PATIENCE
    assert found.epoch > 0


async def test_a_restored_database_begins_a_new_epoch_and_loses_nothing(empty: Database) -> None:
    """What the backup holds and the log of it does not is numbered; leases of the dead do not count."""
    before = await operations.stream()
    await make("told but not numbered")
    await empty.consumers.insert_one(
        {"_id": "reader", "position": 0, "owner": "dead", "until": now() + timedelta(hours=1)}
    )
    first = await changes.begin_epoch()
    second = await changes.begin_epoch()
    assert before.epoch < first < second
    found = await operations.stream()
    assert (found.epoch, found.head, found.owner) == (second, 1, None)
    assert (await figures()).owner is None


async def test_a_backup_that_is_restored_twice_gives_two_epochs(
    empty: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup = await operations.stream()
    epochs = {backup.epoch}
    for later in (100, 200):
        await empty.sequencer.update_one({"_id": "log"}, {"$set": {"epoch": backup.epoch}})
        monkeypatch.setattr(clock, "source", lambda later=later: time.time() + later)
        epochs.add(await changes.begin_epoch())
    assert len(epochs) == 3
