"""Subscriptions: every change of their streams once, in order, wherever they start and however often they come back."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from app.core import changes, signals
from app.core.changes import Change, Hub, log, subscription
from app.core.database import Document
from app.core.errors import ResyncRequired
from app.core.tasks import end
from tests.core.changes.notes import (
    ACTOR,
    EVERYTHING,
    PATIENCE,
    Note,
    NoteMade,
    NoteMoved,
    make,
    mark,
    rest,
    take,
    told,
)

Database = AsyncDatabase[Document]


def keys(found: list[Change]) -> list[str]:
    return [change.data["key"] for change in found if change.type == NoteMade.type()]


async def test_it_starts_after_a_position_and_at_the_present(hub: Hub) -> None:
    for key in "abc":
        await make(key)
    assert keys(await told(hub, EVERYTHING)) == ["a", "b", "c"]
    assert keys(await told(hub, EVERYTHING, after=2)) == ["c"]
    async with hub.follow([EVERYTHING]) as live:
        assert live.position == hub.position
        await make("d")
        assert keys(await rest(live, EVERYTHING)) == ["d"]


async def test_it_is_registered_as_soon_as_it_is_entered(hub: Hub) -> None:
    async with hub.follow([EVERYTHING]) as live:
        for key in "abc":
            await make(key)
        await told(hub, EVERYTHING)  # all of it has passed before the first is asked for
        assert keys(await take(live, 3)) == ["a", "b", "c"]


async def test_several_streams_are_one_feed_with_one_cursor(hub: Hub) -> None:
    for n in range(30):
        await make(f"{n}", f"n:{n % 3}")
    async with hub.follow(["n:0", "n:2"], after=0) as feed:
        found = await rest(feed, "n:0")
    assert keys(found) == [f"{n}" for n in range(30) if n % 3 != 1]


async def test_a_change_in_two_of_its_streams_comes_once(hub: Hub) -> None:
    await make("a", "n:a")
    async with hub.follow([EVERYTHING, "n:a"], after=0) as feed:
        await make("b", "n:a")
        assert keys(await rest(feed, "n:a")) == ["a", "b"]


async def test_three_thousand_changes_behind_a_queue_of_256(hub: Hub) -> None:
    async with hub.follow(["n:x"]) as slow:
        await asyncio.gather(*(make(f"{n}", "n:x") for n in range(3_000)))
        number = await mark("n:x")
        async with hub.follow(["n:x"], after=0) as fast:  # the hub itself has passed them all
            async with asyncio.timeout(PATIENCE):
                async for change in fast:
                    if change.data.get("number") == number:
                        break
        assert len(slow._queue) == subscription.QUEUE
        found = await take(slow, 3_001)
    assert len({change.id for change in found}) == 3_001
    assert [change.position for change in found] == list(range(1, 3_002))


async def test_leaving_leaves_nothing_behind(hub: Hub) -> None:
    async with hub.follow(["n:x", "n:y"]), hub.follow(["n:x"], after=0):
        pass
    with pytest.raises(ResyncRequired):
        await hub.follow(["n:x"], after=99).__aenter__()
    assert not hub._subscriptions


async def test_a_reader_may_give_up_waiting_and_ask_again(hub: Hub) -> None:
    found = []
    async with hub.follow([EVERYTHING]) as live:
        for n in range(20):
            waiting = asyncio.create_task(anext(live))
            await asyncio.sleep(0)
            waiting.cancel()
            answers = await asyncio.gather(waiting, return_exceptions=True)
            found += [answer for answer in answers if isinstance(answer, Change)]
            await make(f"{n}")
        found += await rest(live, EVERYTHING)
    assert keys(found) == [f"{n}" for n in range(20)]


class Barrier:
    """Stops one task at its n-th await of the log, before and after the call, and lets something happen there."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, chosen: int, happens: Callable[[], Awaitable[None]]) -> None:
        self.reached, self._chosen, self._happens = 0, chosen, happens
        self.task: asyncio.Task[Any] | None = None
        for name in ("read", "state", "head"):
            monkeypatch.setattr(log, name, self._around(getattr(log, name)))

    def _around(self, call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def stopped(*arguments: Any) -> Any:
            await self.point()
            answer = await call(*arguments)
            await self.point()
            return answer

        return stopped

    async def point(self) -> None:
        if asyncio.current_task() is not self.task:
            return
        self.reached += 1
        if self.reached == self._chosen:
            await asyncio.create_task(self._do())  # in a task of its own, which no barrier stops

    async def _do(self) -> None:
        await self._happens()


async def race(hub: Hub, monkeypatch: pytest.MonkeyPatch, chosen: int) -> bool:
    """Subscribe while a message arrives at the chosen await; answers whether the subscriber got as far as that."""
    stream, before = f"n:{chosen}", [f"{chosen}.{n}" for n in range(5)]
    for key in before:
        await make(key, stream)
    await told(hub, stream)  # and the hub has heard of it
    happened, caught_up = asyncio.Event(), asyncio.Event()

    async def happens() -> None:
        event = NoteMade(ACTOR, key=f"{chosen}.late", stream=stream)
        await changes.insert(Note(key=event.key), event)
        assert await hub.settled([event.id], PATIENCE)
        happened.set()

    async def subscribe() -> list[Change]:
        barrier.task, found = asyncio.current_task(), []
        async with hub.follow([stream], after=0) as feed:
            await barrier.point()
            async for change in feed:
                await barrier.point()
                found.append(change)
                if len(found) == len(before) + 1:  # `told` left a mark
                    caught_up.set()
                if ended.is_set() and change.data.get("number") == number:
                    return found
        raise AssertionError("the feed ended")

    ended, number = asyncio.Event(), -1
    with monkeypatch.context() as patch:
        patch.setattr(subscription, "PAGE", 2)  # several pages, so several awaits
        barrier = Barrier(patch, chosen, happens)
        subscriber = asyncio.create_task(subscribe())
        waits = [asyncio.create_task(event.wait()) for event in (happened, caught_up)]
        async with asyncio.timeout(PATIENCE):
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            if not happened.is_set():
                barrier.task = None  # it has passed all its awaits
            number = await mark(stream)
            ended.set()
            found = await subscriber
        await end(*waits)
    assert keys(found) == ([*before, f"{chosen}.late"] if happened.is_set() else before)
    return happened.is_set()


async def test_r33_a_message_at_any_await_of_subscribing_is_seen_exactly_once(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = 1
    while await race(hub, monkeypatch, chosen):
        chosen += 1
    assert chosen > 15, "the subscriber has fewer awaits than it must have: the barriers do not hold"


class Subscriber:
    """Hangs up again and again, in any process, and comes back with its cursor."""

    def __init__(self, hubs: list[Hub], streams: list[str], seed: int) -> None:
        self._hubs, self.streams, self._random = hubs, streams, random.Random(seed)
        self.found: list[Change] = []

    async def run(self, last: int) -> None:
        position = 0
        while True:
            hub = self._random.choice(self._hubs)
            async with hub.follow(self.streams, position) as feed:
                for _ in range(self._random.randint(1, 60)):
                    change = await anext(feed)
                    self.found.append(change)
                    position = change.position
                    if change.data.get("number") == last:
                        return
                    if self._random.random() < 0.05:
                        await asyncio.sleep(self._random.uniform(0, 0.02))


@pytest.mark.parametrize("with_redis", [False, True])
async def test_i6_and_i7_subscribers_that_come_and_go_hold_the_filtered_log(
    hub: Hub, empty: Database, request: pytest.FixtureRequest, with_redis: bool
) -> None:
    if with_redis:
        signals.connect(request.getfixturevalue("redis_url"))
    another = Hub()
    await another.start()
    names = [f"n:{n}" for n in range(8)]
    chance = random.Random(6)
    subscribers = [
        Subscriber([hub, another], ["end", *chance.sample(names, chance.randint(1, 8))], seed) for seed in range(12)
    ]
    last = 10**6

    async def write(writer: int) -> None:
        for n in range(60):
            await make(f"{writer}.{n}", chance.choice(names))
            await asyncio.sleep(chance.uniform(0, 0.01))

    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        for one in subscribers:
            tasks.create_task(one.run(last))
        writers = [tasks.create_task(write(n)) for n in range(8)]
        await asyncio.wait(writers)
        await mark("end", last)
    await another.stop()
    await signals.close()
    whole = await log.read({}, 10_000)
    for one in subscribers:
        expected = [change.position for change in whole if {*change.streams} & {*one.streams}]
        assert [change.position for change in one.found] == expected
    assert len(whole) == 481


async def test_i11_a_position_below_the_floor_is_refused(hub: Hub, empty: Database) -> None:
    for key in "abc":
        await make(key)
    await told(hub, EVERYTHING)
    await empty.sequencer.update_one({"_id": "log"}, {"$set": {"floor": 2}})
    await empty.log.delete_many({"_id": {"$lte": 2}})
    for after in (0, 1):
        with pytest.raises(ResyncRequired):
            await hub.follow([EVERYTHING], after).__aenter__()
    assert keys(await told(hub, EVERYTHING, after=2)) == ["c"]


async def test_i11_a_log_trimmed_while_it_is_being_read_is_not_taken_for_a_quiet_one(
    hub: Hub, empty: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in "abcdef":
        await make(key)
    await told(hub, EVERYTHING)
    read = log.read

    async def trimmed(*arguments: Any) -> list[Change]:
        if feed.position == 2 and asyncio.current_task() is reader:
            await empty.sequencer.update_one({"_id": "log"}, {"$set": {"floor": 4}})
            await empty.log.delete_many({"_id": {"$lte": 4}})
        return await read(*arguments)

    monkeypatch.setattr(subscription, "PAGE", 2)
    monkeypatch.setattr(log, "read", trimmed)
    reader = asyncio.current_task()
    async with hub.follow([EVERYTHING], after=0) as feed:
        assert keys(await take(feed, 2)) == ["a", "b"]
        with pytest.raises(ResyncRequired):
            await take(feed, 1)


async def test_i11_a_new_epoch_breaks_what_is_live(hub: Hub, empty: Database) -> None:
    await make("a")
    cursor = hub.cursor(1, [EVERYTHING])
    async with hub.follow([EVERYTHING]) as live:
        await empty.sequencer.update_one({"_id": "log"}, {"$inc": {"epoch": 1}})
        with pytest.raises(ResyncRequired):
            await take(live, 2)
    with pytest.raises(ResyncRequired):
        hub.read_cursor(cursor, [EVERYTHING])
    assert hub.resyncs == 1


async def test_i11_a_position_the_log_never_reached_is_refused(hub: Hub) -> None:
    await make("a")
    await told(hub, EVERYTHING)
    with pytest.raises(ResyncRequired):
        await hub.follow([EVERYTHING], after=hub.position + 5).__aenter__()


async def test_a_position_that_only_another_process_has_reached_is_not_refused(hub: Hub) -> None:
    ahead = hub
    behind = Hub()
    await behind.start()
    for task in behind._tasks:
        task.cancel()  # it hears nothing for a while
    await make("a")
    await told(ahead, EVERYTHING)
    position = ahead.position
    async with behind.follow([EVERYTHING], after=position) as feed:
        behind._tasks = [asyncio.create_task(behind._tail())]
        await make("b")
        assert keys(await rest(feed, EVERYTHING)) == ["b"]
    await behind.stop()


async def test_r34_after_a_resync_snapshot_and_tail_are_the_truth(hub: Hub, empty: Database) -> None:
    async def truth() -> dict[str, int]:
        return {note["key"]: note["version"] async for note in empty.notes.find()}

    async def move(times: int) -> None:
        for n in range(times):
            stream = f"n:{n % 5}"
            note = await changes.change(Note, {"key": stream}, {"$inc": {"paid": 0}})
            assert note is not None
            event = NoteMoved(ACTOR, version=note.version + 1, stream=stream)
            await changes.change(Note, {"key": stream, "version": note.version}, {"$inc": {"version": 1}}, event)

    for n in range(5):
        await make(f"n:{n}", f"n:{n}")
    await move(20)
    expired = hub.cursor(1, [EVERYTHING])
    await told(hub, EVERYTHING)
    await empty.sequencer.update_one({"_id": "log"}, {"$set": {"floor": 10}})
    await empty.log.delete_many({"_id": {"$lte": 10}})
    with pytest.raises(ResyncRequired) as refused:
        await hub.follow([EVERYTHING], hub.read_cursor(expired, [EVERYTHING])).__aenter__()
    assert refused.value.code == "RESYNC_REQUIRED"

    moving = asyncio.create_task(move(60))
    async with hub.follow([EVERYTHING]) as feed:  # registered first, so nothing falls between
        copy = await truth()
        await moving
        for change in await rest(feed, EVERYTHING):
            if isinstance(change.event, NoteMoved):  # a snapshot may be ahead of the tail
                copy[change.event.stream] = max(copy[change.event.stream], change.event.version)
    assert copy == await truth()
