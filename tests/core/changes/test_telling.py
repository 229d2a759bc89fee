"""What a call has told is known when it is committed, and only then."""

import asyncio

import pytest
from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from app.core import changes
from app.core.database import Document
from tests.core.changes.notes import ACTOR, Note, NoteMade, NoteMoved, NotePaid

Database = AsyncDatabase[Document]


def made(key: str) -> NoteMade:
    return NoteMade(ACTOR, key=key)


async def test_each_kind_of_write(empty: Database) -> None:
    events = [made("a"), NoteMoved(ACTOR, version=1), NotePaid(ACTOR)]
    with changes.told() as ids:
        await changes.insert(Note(key="a"), events[0])
        await changes.change(Note, {"key": "a"}, {"$inc": {"version": 1}}, events[1])
        await changes.change_all(Note, {}, {"$inc": {"paid": 1}}, events[2])
        await changes.change(Note, {"key": "b"}, {"$inc": {"version": 1}}, NoteMoved(ACTOR))
        await changes.change_all(Note, {"key": "b"}, {"$inc": {"paid": 1}}, NotePaid(ACTOR))
    await changes.insert(Note(key="later"), made("later"))
    assert ids == [event.id for event in events]


async def test_a_scope_tells_when_it_is_committed(empty: Database) -> None:
    first, second = made("a"), NotePaid(ACTOR)

    @changes.atomic
    async def both(fails: bool) -> None:
        await changes.insert(Note(key="a"), first)
        changes.emit(second)
        assert ids == []
        if fails:
            raise ZeroDivisionError

    with changes.told() as ids:
        with pytest.raises(ZeroDivisionError):
            await both(True)
        assert ids == []
        await both(False)
    assert ids == [first.id, second.id]


async def test_a_rehearsal_tells_nothing(empty: Database) -> None:
    with changes.told() as ids:
        await changes.rehearse(lambda: changes.insert(Note(key="a"), made("a")))
    assert ids == []


async def test_an_answer_that_was_kept_tells_what_was_told_then(empty: Database) -> None:
    event = made("a")

    async def call() -> ObjectId:
        await changes.insert(Note(key="a"), event)
        return event.id

    for _ in range(2):
        with changes.told() as ids:
            await changes.once("key", "print", call, seal=lambda id: id.binary, open=ObjectId)
        assert ids == [event.id]


async def test_what_other_tasks_tell_apart_is_known_and_what_strangers_tell_is_not(empty: Database) -> None:
    async def stranger() -> None:
        await changes.insert(Note(key="stranger"), made("stranger"))

    event, strange = made("a"), asyncio.create_task(stranger())
    with changes.told() as ids:
        await changes.apart(lambda: changes.insert(Note(key="a"), event))
        await strange
    assert ids == [event.id]


async def test_listeners_hear_of_what_was_committed_here_before_its_writer_goes_on(empty: Database) -> None:
    heard: list[ObjectId] = []
    single, scoped, rehearsed, later = made("a"), NotePaid(ACTOR), made("b"), made("c")

    @changes.atomic
    async def pay() -> None:
        changes.emit(scoped)
        assert scoped.id not in heard

    def fails(event: changes.Event) -> None:
        raise ZeroDivisionError

    with changes.listening(fails), changes.listening(lambda event: heard.append(event.id)):
        await changes.insert(Note(key="a"), single)
        assert heard == [single.id]
        await pay()
        await changes.rehearse(lambda: changes.insert(Note(key="b"), rehearsed))
        await changes.change(Note, {"key": "nobody"}, {"$inc": {"version": 1}}, NoteMoved(ACTOR))
    await changes.insert(Note(key="c"), later)
    assert heard == [single.id, scoped.id]
