"""The hub: what one process hears, and whom it tells."""

import asyncio
from typing import Any

import pytest
from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import AutoReconnect

from app.core import changes
from app.core.changes import Change, Hub, Sequencer, hubs, log
from app.core.changes import hub as process_hub
from app.core.clock import now
from app.core.database import Document
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


async def test_subscribers_of_one_process_share_the_change_and_what_was_loaded_for_it(hub: Hub) -> None:
    async with hub.follow([EVERYTHING]) as first, hub.follow(["n:a"]) as second:
        await make("a", "n:a")
        (one,), (other,) = await take(first, 1), await take(second, 1)
    assert one is other
    one.cache["row"] = "loaded"
    assert other.cache == {"row": "loaded"}
    assert isinstance(one.event, NoteMade)
    assert (one.event.key, one.event.actor.organization_id, one.event.id) == ("a", ACTOR.organization_id, one.id)


async def test_a_type_that_is_not_known_has_no_event_and_changed_fields_are_an_error() -> None:
    row = {"_id": 1, "e": ObjectId(), "o": None, "s": [], "a": "system", "at": None}
    assert Change.of({**row, "t": "Gone.1", "d": {}}).event is None
    with pytest.raises(TypeError):
        _ = Change.of({**row, "t": "NoteMade.1", "d": {"renamed": 1}}).event


async def test_two_event_classes_of_one_name_are_refused() -> None:
    with pytest.raises(TypeError, match=r"both define the event NoteMade\.1"):
        type("NoteMade", (changes.Event,), {"__module__": "elsewhere"})


async def test_listeners_hear_every_change_of_their_type_and_may_fail(hub: Hub) -> None:
    heard: list[str] = []

    def fails(change: Change) -> None:
        raise ZeroDivisionError

    hub.on(NoteMade, fails)
    hub.on(NoteMade, lambda change: heard.append(change.data["key"]))
    async with hub.follow([EVERYTHING]) as subscription:
        await make("a")
        await changes.change(Note, {"key": "a"}, {"$inc": {"version": 1}}, NoteMoved(ACTOR, version=1))
        await make("b")
        await rest(subscription, EVERYTHING)
    assert heard == ["a", "b"]


async def test_a_hub_is_current_when_it_has_seen_the_end_of_the_log(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    async def moves() -> bool:
        """Whether the hub becomes more current in some turns of its tail."""
        before = hub.current_at
        await asyncio.sleep(10 * hubs.POLL)
        return hub.current_at > before

    async def away(position: int) -> list[Change]:
        raise AutoReconnect("on purpose")

    assert await moves()
    with monkeypatch.context() as patch:
        patch.setattr(log, "following", away)
        await asyncio.sleep(5 * hubs.POLL)
        assert not await moves(), "it cannot read"
    assert await moves()
    with monkeypatch.context() as patch:
        patch.setattr(hubs, "PAGE", 0)
        await asyncio.sleep(5 * hubs.POLL)
        assert not await moves(), "each page is full, so there is more"


async def test_a_new_epoch_drops_what_listeners_keep(hub: Hub, empty: Database) -> None:
    dropped = asyncio.Event()
    hub.on_gap(dropped.set)
    await empty.sequencer.update_one({"_id": "log"}, {"$inc": {"epoch": 1}})
    async with asyncio.timeout(PATIENCE):
        await dropped.wait()
    assert hub.epoch == (await log.state()).epoch


async def test_a_write_is_settled_once_this_process_has_heard_of_it(hub: Hub) -> None:
    event = NoteMade(ACTOR, key="a")
    await changes.insert(Note(key="a"), event)
    position = await hub.settled([event.id], PATIENCE)
    assert position == 1
    assert hub.position >= 1
    assert await hub.settled([event.id], PATIENCE) == 1, "also when it was heard of before"
    assert await hub.settled([event.id, ObjectId()], 0.05) is None
    assert not hub._waiters


async def test_the_tail_outlives_errors(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    failures = [AutoReconnect("failover"), KeyError("bug"), AutoReconnect("failover")]
    following = log.following

    async def failing(*arguments: Any) -> list[Change]:
        if failures:
            raise failures.pop()
        return await following(*arguments)

    monkeypatch.setattr(log, "following", failing)
    await make("a")
    assert [c.data["key"] for c in await told(hub, EVERYTHING)] == ["a"]
    assert not failures


async def test_the_tail_waits_at_a_missing_position(hub: Hub, empty: Database) -> None:
    """It cannot be missing; if it is, waiting is right and skipping is not."""
    row: Document = {"o": None, "t": "Odd.1", "s": ["odd"], "a": "system", "d": {}, "at": now()}
    async with hub.follow(["odd"]) as subscription:
        await empty.log.insert_one({"_id": 2, "e": ObjectId(), **row})
        waiting = asyncio.create_task(take(subscription, 2))
        await asyncio.sleep(10 * hubs.POLL)
        assert hub.position == 0
        assert not waiting.done()
        await empty.log.insert_one({"_id": 1, "e": ObjectId(), **row})
        assert [change.position for change in await waiting] == [1, 2]


async def test_the_process_has_one_hub(sequencer: Sequencer) -> None:
    with pytest.raises(RuntimeError, match="start_hub"):
        process_hub()
    started = await changes.start_hub()
    try:
        assert await changes.start_hub() is started
        assert process_hub() is started
        async with started.follow([EVERYTHING]) as subscription:
            waiting = asyncio.create_task(anext(subscription))
            await asyncio.sleep(0)
            await changes.stop_hub()
            with pytest.raises(StopAsyncIteration):
                await waiting
    finally:
        await changes.stop_hub()
    with pytest.raises(RuntimeError, match="start_hub"):
        process_hub()


@pytest.mark.usefixtures("redis")
async def test_hints_wake_the_tail(empty: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hubs, "POLL", 3600.0)
    sequencer, hub = Sequencer(), Hub()
    await hub.start()
    running = asyncio.create_task(sequencer.run())
    try:
        async with hub.follow([EVERYTHING]) as subscription:
            for _ in range(3):
                number = await mark(EVERYTHING)
                assert [change.data["number"] for change in await take(subscription, 1)] == [number]
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await hub.stop()
