"""Atomic scopes: all or nothing, with the events; run again when MongoDB asks; rehearsals."""

import asyncio
import hashlib

import bson
import pytest
from pymongo.asynchronous.database import AsyncDatabase

from app.core import changes
from app.core.changes import Hub, scope
from app.core.database import Document
from app.core.errors import Unavailable
from tests.core.changes.notes import ACTOR, EVERYTHING, Entry, Note, NoteMade, NoteMoved, NotePaid, make, told

Database = AsyncDatabase[Document]


async def digest(database: Database) -> str:
    """A digest of every document in every collection, except what processes keep for themselves."""
    found = hashlib.sha256()
    for name in sorted(await database.list_collection_names()):
        if name != "sequencer":
            async for document in database[name].find().sort("_id", 1):
                found.update(name.encode() + bson.encode(document))
    return found.hexdigest()


async def test_several_writes_and_their_events_are_kept_together(hub: Hub) -> None:
    note = await make("a")

    @changes.atomic
    async def pay() -> Note | None:
        await changes.insert(Entry(text="receipt"))
        changes.emit(NotePaid(ACTOR))
        return await changes.change(Note, {"_id": note.id}, {"$inc": {"paid": 1}}, NoteMoved(ACTOR, version=0))

    paid = await pay()
    assert paid is not None
    assert paid.paid == 1
    assert [c.type for c in await told(hub, EVERYTHING)] == ["NoteMade.1", "NotePaid.1", "NoteMoved.1"]


async def test_a_failing_scope_leaves_nothing(hub: Hub, empty: Database) -> None:
    await make("a")
    assert len(await told(hub, EVERYTHING)) == 1
    before = await digest(empty)

    @changes.atomic
    async def fails() -> None:
        await changes.change(Note, {"key": "a"}, {"$inc": {"paid": 1}}, NotePaid(ACTOR))
        await changes.insert(Note(key="b"), NoteMade(ACTOR))
        changes.emit(NoteMoved(ACTOR))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fails()
    assert await digest(empty) == before
    assert not changes.scoped()
    assert [c.type for c in await told(hub, EVERYTHING)] == ["NoteMade.1"]


async def test_a_scope_inside_a_scope_joins_it(hub: Hub, empty: Database) -> None:
    @changes.atomic
    async def inner() -> None:
        await changes.insert(Note(key="inner"), NoteMade(ACTOR, key="inner"))

    @changes.atomic
    async def outer() -> None:
        await inner()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await outer()
    assert await empty.notes.count_documents({}) == 0
    assert await told(hub, EVERYTHING) == []


async def test_a_scope_reads_its_own_writes(empty: Database) -> None:
    @changes.atomic
    async def both() -> bool:
        note, _ = await changes.insert_once(Note(key="a"), {"key": "a"})
        again, new = await changes.insert_once(Note(key="a"), {"key": "a"})
        return note.id == again.id and not new

    assert await both()


async def test_scopes_that_collide_are_run_again(hub: Hub, empty: Database) -> None:
    await make("hot")
    attempts = 0

    @changes.atomic
    async def pay() -> None:
        nonlocal attempts
        attempts += 1
        note = await changes.change(Note, {"key": "hot"}, {"$inc": {"paid": 1}}, NotePaid(ACTOR))
        assert note is not None
        await changes.insert(Entry(text=f"payment {note.paid}"))

    await asyncio.gather(*(pay() for _ in range(20)))
    assert attempts > 20
    assert (await empty.notes.find_one({"key": "hot"}) or {})["paid"] == 20
    assert len(await told(hub, EVERYTHING)) == 21


async def test_collisions_without_end_answer_unavailable(empty: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    await make("hot")
    monkeypatch.setattr(scope, "DEADLINE", 0.3)
    held, done = asyncio.Event(), asyncio.Event()

    @changes.atomic
    async def holds() -> None:
        await changes.change(Note, {"key": "hot"}, {"$inc": {"paid": 1}})
        held.set()
        await done.wait()

    @changes.atomic
    async def waits() -> None:
        await changes.change(Note, {"key": "hot"}, {"$inc": {"paid": 1}})

    holder = asyncio.create_task(holds())
    await held.wait()
    with pytest.raises(Unavailable):
        await waits()
    done.set()
    await holder


async def test_a_cancelled_scope_lets_go_of_its_documents(empty: Database) -> None:
    note = await make("a")
    held = asyncio.Event()

    @changes.atomic
    async def hangs() -> None:
        await changes.change(Note, {"_id": note.id}, {"$inc": {"paid": 1}})
        held.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(hangs())
    await held.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(10):
        changed = await changes.change(Note, {"_id": note.id}, {"$inc": {"paid": 1}})
    assert changed is not None
    assert changed.paid == 1


async def test_a_task_that_a_scope_started_may_not_use_it(empty: Database) -> None:
    left: list[asyncio.Task[Note]] = []
    ended = asyncio.Event()

    async def late() -> Note:
        await ended.wait()
        return await changes.insert(Note(key="late"))

    @changes.atomic
    async def starts() -> None:
        with pytest.raises(RuntimeError, match="the task that opened it"):
            await asyncio.create_task(changes.insert(Note(key="beside")))
        left.append(asyncio.create_task(late()))

    await starts()
    ended.set()
    with pytest.raises(RuntimeError, match="the task that opened it"):
        await left[0]
    assert await empty.notes.count_documents({}) == 0


async def test_emit_needs_a_scope() -> None:
    with pytest.raises(RuntimeError, match="@atomic"):
        changes.emit(NotePaid(ACTOR))


async def test_i9_a_rehearsal_answers_the_same_and_changes_nothing(hub: Hub, empty: Database) -> None:
    await make("a")
    assert len(await told(hub, EVERYTHING)) == 1
    before = await digest(empty)

    async def pay() -> str:
        assert changes.rehearsing()
        await changes.insert(Note(key="b"), NoteMade(ACTOR, key="b"))
        await changes.change(Note, {"key": "a"}, {"$inc": {"paid": 1}}, NotePaid(ACTOR))
        return "receipt"

    rehearsal = await changes.rehearse(pay)
    assert rehearsal.result == "receipt"
    assert [event.type() for event in rehearsal.events] == ["NoteMade.1", "NotePaid.1"]
    assert not changes.rehearsing()
    assert await digest(empty) == before
    assert [c.type for c in await told(hub, EVERYTHING)] == ["NoteMade.1"]


async def test_a_rehearsal_inside_a_scope_is_refused(empty: Database) -> None:
    @changes.atomic
    async def outer() -> None:
        await changes.rehearse(lambda: make("a"))

    with pytest.raises(RuntimeError, match="another scope"):
        await outer()
