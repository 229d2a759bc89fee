"""Consumers: everything at least once, in order, whoever dies."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from app.core import leases
from app.core.changes import Change, Consumer, Sequencer, consumer, log
from app.core.database import Document
from app.core.tasks import end
from tests.core.changes.notes import EVERYTHING, PATIENCE, make, mark

Database = AsyncDatabase[Document]


class Reader:
    """A handler that keeps what it was given."""

    def __init__(self) -> None:
        self.seen: list[int] = []
        self.pages: list[int] = []
        self._more = asyncio.Event()

    async def handle(self, found: Sequence[Change]) -> None:
        self.seen += [change.position for change in found]
        self.pages.append(len(found))
        self._more.set()

    async def until(self, position: int) -> list[int]:
        async with asyncio.timeout(PATIENCE):
            while not self.seen or self.seen[-1] < position:
                self._more.clear()
                await self._more.wait()
        return self.seen


@asynccontextmanager
async def running(*consumers: Consumer) -> AsyncIterator[list[asyncio.Task[None]]]:
    tasks = [asyncio.create_task(one.run()) for one in consumers]
    try:
        yield tasks
    finally:
        await end(*tasks)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumer, "POLL", 0.02)


async def head(empty: Database) -> int:
    """The position of a mark that is told now."""
    number = await mark(EVERYTHING)
    async with asyncio.timeout(PATIENCE):
        while not (row := await empty.log.find_one({"t": "Marked.1", "d.number": number})):
            await asyncio.sleep(0.02)
    position: int = row["_id"]
    return position


async def advanced(empty: Database, position: int) -> None:
    """Wait until the consumer has done with what is up to the position, which would come again before."""
    async with asyncio.timeout(PATIENCE):
        while (await empty.consumers.find_one({"_id": "reader"}) or {})["position"] < position:
            await asyncio.sleep(0.02)


async def test_it_reads_everything_in_order_and_goes_on_where_it_was(empty: Database, sequencer: Sequencer) -> None:
    first, second = Reader(), Reader()
    for n in range(30):
        await make(f"{n}")
    async with running(Consumer("reader", first.handle)):
        assert await first.until(await head(empty)) == list(range(1, 32))
        await advanced(empty, 31)
    await make("later")
    async with running(Consumer("reader", second.handle)):
        assert await second.until(await head(empty)) == [32, 33]


async def test_a_new_one_may_start_at_the_present(empty: Database, sequencer: Sequencer) -> None:
    await make("before")
    before = await head(empty)
    reader = Reader()
    async with running(Consumer("reader", reader.handle, start="now")):
        async with asyncio.timeout(PATIENCE):
            while not (await empty.consumers.find_one({"_id": "reader"}) or {}).get("position"):
                await asyncio.sleep(0.02)
        await make("after")
        assert await reader.until(await head(empty)) == [before + 1, before + 2]


async def test_one_at_a_time_and_the_next_takes_over(empty: Database, sequencer: Sequencer) -> None:
    readers = Reader(), Reader()
    async with running(Consumer("reader", readers[0].handle)) as first:
        await readers[0].until(await head(empty))
        async with running(Consumer("reader", readers[1].handle)):
            await readers[0].until(last := await head(empty))
            assert readers[1].seen == []
            await advanced(empty, last)
            await end(*first)
            assert await readers[1].until(await head(empty)) == [3]


async def test_a_bad_change_holds_up_those_behind_it_and_no_others(
    empty: Database, sequencer: Sequencer, caplog: pytest.LogCaptureFixture
) -> None:
    handled: list[str] = []
    attempts = 0
    mended, failed_twice = asyncio.Event(), asyncio.Event()

    async def handle(found: Sequence[Change]) -> None:
        nonlocal attempts
        for change in found:
            if change.data.get("key") == "bad" and not mended.is_set():
                if len(found) == 1:
                    attempts += 1
                if attempts == 2:
                    failed_twice.set()
                raise ValueError("cannot be handled")
        handled.extend(change.data["key"] for change in found if "key" in change.data)

    for key in ("a", "b", "bad", "c"):
        await make(key)
    await head(empty)
    async with running(Consumer("reader", handle)), asyncio.timeout(PATIENCE):
        await failed_twice.wait()
        assert handled == ["a", "b"]
        mended.set()
        while handled != ["a", "b", "bad", "c"]:
            await asyncio.sleep(0.02)


async def test_killed_again_and_again_it_misses_nothing(empty: Database, sequencer: Sequencer) -> None:
    chance, reader = random.Random(5), Reader()
    effects: dict[object, int] = {}

    async def handle(found: Sequence[Change]) -> None:
        for change in found[:20]:
            effects[change.id] = change.position
            await asyncio.sleep(0)
        if len(found) > 20:
            effects.update({change.id: change.position for change in found[20:]})
        await reader.handle(found)

    async def write() -> None:
        for n in range(300):
            await make(f"{n}")

    writing = asyncio.create_task(write())
    while not writing.done():
        async with running(*(Consumer("reader", handle) for _ in range(2))):
            await asyncio.sleep(chance.uniform(0.02, 0.2))
    async with running(Consumer("reader", handle)):
        last = await head(empty)
        await reader.until(last)
    assert sorted(effects.values()) == list(range(1, last + 1))


async def test_a_page_whose_handler_died_comes_again(empty: Database, sequencer: Sequencer) -> None:
    started, reader = asyncio.Event(), Reader()

    async def dies(found: Sequence[Change]) -> None:
        started.set()
        await asyncio.Event().wait()

    await make("a")
    last = await head(empty)
    async with running(Consumer("reader", dies)), asyncio.timeout(PATIENCE):
        await started.wait()
    async with running(Consumer("reader", reader.handle)):
        assert await reader.until(last) == [1, 2]


async def test_it_keeps_the_lease_through_a_long_page(
    empty: Database, sequencer: Sequencer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "SECONDS", 0.4)
    monkeypatch.setattr(leases, "RENEW", 0.1)
    started, go_on, other = asyncio.Event(), asyncio.Event(), Reader()

    async def long(found: Sequence[Change]) -> None:
        started.set()
        await go_on.wait()

    await make("a")
    last = await head(empty)
    async with running(Consumer("reader", long)):
        await started.wait()
        async with running(Consumer("reader", other.handle)):
            await asyncio.sleep(1.2)  # three leases
            assert other.seen == []
            go_on.set()
            await advanced(empty, last)
            assert other.seen == []


async def test_one_that_never_began_starts_above_what_was_trimmed(empty: Database, sequencer: Sequencer) -> None:
    for key in "abc":
        await make(key)
    await head(empty)
    await empty.sequencer.update_one({"_id": "log"}, {"$set": {"floor": 2}})
    await empty.log.delete_many({"_id": {"$lte": 2}})
    reader = Reader()
    async with running(Consumer("reader", reader.handle)):
        assert await reader.until(await log.head()) == [3, 4]
