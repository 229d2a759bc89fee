"""Where changes come from, and what they were before."""

from typing import Any, ClassVar

import bson
import pytest
from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from app.core import changes, keyring
from app.core.actor import Actor
from app.core.changes.envelope import unpack
from app.core.database import Document
from app.core.keyring import Sealed
from app.core.origin import Door, Origin, coming
from tests.core.changes.notes import Entry, Note, NotePaid

PERSON = ObjectId()
ACTOR = Actor(ObjectId(), PERSON)
ADDRESS = "203.0.113.77"
REQUEST = Origin(Door.GRAPHQL, "request-1", ADDRESS, "Browser/1")


class Watched(Entry):
    audited: ClassVar = frozenset({"text"})

    @classmethod
    def data_owner(cls, stored: Any) -> str:
        return keyring.organization(ACTOR.organization_id)  # type: ignore[arg-type]


async def test_a_change_says_where_it_comes_from_to_those_who_have_the_key(empty: AsyncDatabase[Document]) -> None:
    with coming(REQUEST):
        note = await changes.insert(Note(key="a"), NotePaid(ACTOR))
    raw = await empty.notes.find_one({"_id": note.id})
    assert raw
    assert ADDRESS.encode() not in bson.encode(raw)
    (row,) = unpack(raw["_events"])
    assert (row["c"]["v"], row["c"]["i"]) == ("graphql", "request-1")
    assert await _opened(row["c"]["p"]) == {"address": ADDRESS, "agent": "Browser/1"}
    await keyring.destroy(keyring.person(PERSON))
    assert await Sealed(row["c"]["p"]).open() is None


async def test_what_comes_by_no_door_says_nothing(empty: AsyncDatabase[Document]) -> None:
    note = await changes.insert(Note(key="a"), NotePaid(ACTOR))
    (row,) = unpack((await empty.notes.find_one({"_id": note.id}) or {})["_events"])
    assert not row.keys() & {"c", "x"}


@pytest.mark.parametrize("atomic", [False, True])
async def test_a_change_of_audited_fields_carries_what_they_were(empty: AsyncDatabase[Document], atomic: bool) -> None:
    note = await changes.insert(Watched(text="before"), NotePaid(ACTOR))

    async def write() -> None:
        where, modifiers = {"_id": note.id}, {"$set": {"text": "after", "secret": "is not declared"}}
        assert await changes.change(Watched, where, modifiers, NotePaid(ACTOR))

    await (changes.atomic(write) if atomic else write)()
    raw = await (empty.outbox.find_one() if atomic else empty.entries.find_one())
    assert raw
    assert b"before" not in raw["_events"]
    (row,) = unpack(raw["_events"])
    assert await _opened(row["x"]) == {"text": ["before", "after"]}


async def test_what_they_were_is_right_whoever_else_changes_them(
    empty: AsyncDatabase[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    note = await changes.insert(Watched(text="one"), NotePaid(ACTOR))
    seen = changes.writes._image

    async def and_then_somebody_else(*given: Any) -> Any:
        found = await seen(*given)
        if found and found["text"] == "one":
            await empty.entries.update_one({"_id": note.id}, {"$set": {"text": "two"}})
        return found

    monkeypatch.setattr(changes.writes, "_image", and_then_somebody_else)
    assert await changes.change(Watched, {"_id": note.id}, {"$set": {"text": "three"}}, NotePaid(ACTOR))
    (row,) = unpack((await empty.entries.find_one() or {})["_events"])
    assert await _opened(row["x"]) == {"text": ["two", "three"]}


async def test_a_rehearsal_makes_no_key(empty: AsyncDatabase[Document]) -> None:
    async def write() -> None:
        await changes.insert(Watched(text="x"), NotePaid(ACTOR))

    with coming(REQUEST):
        await changes.rehearse(write)
    assert await empty.data_keys.count_documents({}) == 0


async def _opened(sealed: bytes) -> Any:
    plain = await Sealed(sealed).open()
    assert plain
    return bson.decode(plain)
