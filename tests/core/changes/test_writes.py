"""Writes carry their events, or leave nothing."""

import asyncio

import pytest
from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from app.core import changes
from app.core.changes import Hub, Sequencer
from app.core.database import Document
from app.core.errors import Conflict, VersionConflict
from tests.core.changes.notes import ACTOR, EVERYTHING, Entry, Note, NoteMade, NoteMoved, NotePaid, make, told

Database = AsyncDatabase[Document]


async def test_a_change_answers_the_row_as_it_is_afterwards_and_tells_it(hub: Hub) -> None:
    note = await make("a")
    moved = await changes.change(
        Note, {"_id": note.id, "version": 0}, {"$inc": {"version": 1}}, NoteMoved(ACTOR, version=1)
    )
    assert moved is not None
    assert (moved.id, moved.version, moved.key) == (note.id, 1, "a")
    assert [(c.type, dict(c.data), c.actor) for c in await told(hub, EVERYTHING)] == [
        ("NoteMade.1", {"key": "a", "stream": ""}, ACTOR.name),
        ("NoteMoved.1", {"version": 1, "stream": ""}, ACTOR.name),
    ]


async def test_a_refused_change_tells_nothing(hub: Hub) -> None:
    note = await make("a")
    assert (
        await changes.change(Note, {"_id": note.id, "version": 7}, {"$inc": {"version": 1}}, NoteMoved(ACTOR)) is None
    )
    assert [c.type for c in await told(hub, EVERYTHING)] == ["NoteMade.1"]


async def test_an_edit_raises_the_version_and_is_refused_at_another(hub: Hub) -> None:
    note = await make("a")
    where, told_of = {"_id": note.id}, NoteMoved(ACTOR, version=1)
    edited = await changes.edit(Note, where, {"paid": 3}, told_of, expected_version=0)
    assert (edited.version, edited.paid) == (1, 3)
    with pytest.raises(VersionConflict) as refused:
        await changes.edit(Note, where, {"paid": 4}, NoteMoved(ACTOR, version=2), expected_version=0)
    assert refused.value.path == ["input", "expectedVersion"]
    assert (await changes.edit(Note, where, {})).version == 2, "whoever names no version edits the newest"
    with pytest.raises(VersionConflict) as refused:
        await changes.edit(Note, {**where, "key": "b"}, {"paid": 5}, NoteMoved(ACTOR, version=3))
    assert refused.value.path == []
    assert [c.data.get("version") for c in await told(hub, EVERYTHING)] == [None, 1]


async def test_a_change_without_events_does_not_repeat_those_of_the_one_before(hub: Hub) -> None:
    note = await make("a")
    await changes.change(Note, {"_id": note.id}, {"$inc": {"paid": 1}})
    assert [c.type for c in await told(hub, EVERYTHING)] == ["NoteMade.1"]


@pytest.mark.parametrize("modifiers", [[{"$set": {"paid": 1}}], {"paid": 1}, {}, {"$set": {"paid": 1}, "key": "b"}])
async def test_pipelines_and_replacements_are_refused(empty: Database, modifiers: dict[str, object]) -> None:
    await make("a")
    with pytest.raises(TypeError, match="modifiers only"):
        await changes.change(Note, {"key": "a"}, modifiers, NoteMoved(ACTOR))
    with pytest.raises(TypeError, match="modifiers only"):
        await changes.change_all(Note, {"key": "a"}, modifiers, NoteMoved(ACTOR))


async def test_other_ways_to_write_do_not_repeat_a_stale_event(hub: Hub, sequencer: Sequencer, empty: Database) -> None:
    await make("a")
    await told(hub, EVERYTHING)
    whole = await empty.notes.find_one({"key": "a"})
    assert whole is not None
    await empty.notes.replace_one({"key": "a"}, {**whole, "paid": 3})
    await empty.notes.update_one({"key": "a"}, {"$set": {**whole, "paid": 4}})
    assert [c.type for c in await told(hub, EVERYTHING)] == ["NoteMade.1"]
    assert sequencer.figures()["restarts"] == 0, "the unique event id had to refuse it"


async def test_twenty_equal_inserts_make_one_document_and_one_event(hub: Hub) -> None:
    id = ObjectId()
    notes = (Note(id=id, key="same") for _ in range(20))
    answers = await asyncio.gather(
        *(changes.insert(note, NoteMade(ACTOR, key=note.key)) for note in notes), return_exceptions=True
    )
    assert sum(isinstance(answer, DuplicateKeyError) for answer in answers) == 19
    assert len(await told(hub, EVERYTHING)) == 1


async def test_insert_once_answers_the_stored_row_to_all_but_one(hub: Hub) -> None:
    answers = await asyncio.gather(
        *(changes.insert_once(Note(key="same"), {"key": "same"}, NoteMade(ACTOR)) for _ in range(20))
    )
    assert sum(new for _, new in answers) == 1
    assert len({note.id for note, _ in answers}) == 1
    assert len(await told(hub, EVERYTHING)) == 1


async def test_insert_once_inside_scopes_that_race(hub: Hub) -> None:
    looked = asyncio.Barrier(8)
    attempts = 0

    @changes.atomic
    async def both() -> tuple[Note, bool]:
        nonlocal attempts
        attempts += 1
        if attempts <= 8:
            await changes.insert(Entry(text="opens the snapshot"))
            await looked.wait()  # every transaction has its snapshot before the first one inserts
        return await changes.insert_once(Note(key="same"), {"key": "same"}, NoteMade(ACTOR))

    answers = await asyncio.gather(*(both() for _ in range(8)))
    assert sum(new for _, new in answers) == 1
    assert len({note.id for note, _ in answers}) == 1
    assert [c.type for c in await told(hub, EVERYTHING)] == ["NoteMade.1"]


async def test_insert_once_passes_on_the_refusal_of_another_index(empty: Database) -> None:
    note = await make("taken")
    with pytest.raises(DuplicateKeyError):
        await changes.insert_once(Note(id=note.id, key="free"), {"key": "free"}, NoteMade(ACTOR))


async def test_change_all_tells_one_event_for_two_thousand_five_hundred_documents(
    hub: Hub, sequencer: Sequencer
) -> None:
    await asyncio.gather(*(changes.insert(Note(key=f"n{n}")) for n in range(2_500)))
    assert await changes.change_all(Note, {}, {"$inc": {"version": 1}}, NoteMoved(ACTOR, version=1)) == 2_500
    assert [c.type for c in await told(hub, EVERYTHING)] == ["NoteMoved.1"]
    assert sequencer.figures()["restarts"] == 0


async def test_change_all_inside_a_scope_tells_nothing_when_nothing_matched(hub: Hub) -> None:
    @changes.atomic
    async def sweep(where: dict[str, str]) -> int:
        return await changes.change_all(Note, where, {"$inc": {"paid": 1}}, NotePaid(ACTOR))

    await make("a")
    assert await sweep({"key": "b"}) == 0
    assert await sweep({"key": "a"}) == 1
    assert [c.type for c in await told(hub, EVERYTHING)] == ["NoteMade.1", "NotePaid.1"]


async def test_remove_needs_a_scope_and_answers_what_was_there(hub: Hub, empty: Database) -> None:
    note = await make("a")
    with pytest.raises(RuntimeError, match="@atomic"):
        await changes.remove(Note, {"_id": note.id})

    @changes.atomic
    async def erase() -> Note | None:
        return await changes.remove(Note, {"_id": note.id}, NotePaid(ACTOR))

    erased = await erase()
    assert erased is not None
    assert erased.key == "a"
    assert await erase() is None
    assert await empty.notes.count_documents({}) == 0
    assert [c.type for c in await told(hub, EVERYTHING)] == ["NoteMade.1", "NotePaid.1"]


async def test_an_event_that_carries_content_is_refused(empty: Database) -> None:
    with pytest.raises(ValueError, match=r"NoteMade\.1 takes"):
        await changes.insert(Note(key="a"), NoteMade(ACTOR, key="x" * 70_000))
    assert await empty.notes.count_documents({}) == 0


async def test_erase_deletes_so_many_and_no_others(hub: Hub, empty: Database) -> None:
    for key in "abcde":
        await make(key)
    await changes.change_all(Note, {"key": {"$in": ["a", "b", "c"]}}, {"$set": {"paid": 1}})
    assert [await changes.erase(Note, {"paid": 1}, limit=2) for _ in range(3)] == [2, 1, 0]
    assert await empty.notes.distinct("key") == ["d", "e"]
    assert [c.type for c in await told(hub, EVERYTHING)] == ["NoteMade.1"] * 5, "nobody is told"

    @changes.atomic
    async def never() -> None:
        assert await changes.erase(Note, {}, limit=9) == 2
        raise LookupError

    with pytest.raises(LookupError):
        await never()
    assert await empty.notes.distinct("key") == ["d", "e"]


async def test_each_of_many_is_changed_by_one_command_or_none_is(empty: Database) -> None:
    made = [await make(key) for key in "abc"]

    @changes.atomic
    async def pay(first: int) -> None:
        await changes.change_each(
            Note, [({"_id": note.id, "paid": 0}, {"$inc": {"paid": n}}) for n, note in enumerate(made, first)]
        )

    await pay(7)
    assert {row["key"]: row["paid"] async for row in empty.notes.find()} == {"a": 7, "b": 8, "c": 9}
    await empty.notes.update_one({"key": "a"}, {"$set": {"paid": 0}})
    with pytest.raises(Conflict):
        await pay(1)
    assert {row["key"]: row["paid"] async for row in empty.notes.find()} == {"a": 0, "b": 8, "c": 9}
    with pytest.raises(RuntimeError, match="@atomic"):
        await changes.change_each(Note, [])
