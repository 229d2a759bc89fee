"""One key, one effect, equal answers."""

import asyncio

import pytest
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from app.core import changes
from app.core.changes import Hub
from app.core.changes.idempotency import IdempotencyKeyReused
from app.core.database import Document
from app.core.errors import Conflict
from tests.core.changes.notes import ACTOR, EVERYTHING, Note, NotePaid, make, told

Database = AsyncDatabase[Document]


async def pay() -> str:
    note = await changes.change(Note, {"key": "a"}, {"$inc": {"paid": 1}}, NotePaid(ACTOR))
    return f"receipt {note.paid if note else None}"


async def once(key: str = "key", fingerprint: str = "body") -> str:
    return await changes.once(key, fingerprint, pay, seal=str.encode, open=bytes.decode)


async def test_twenty_calls_with_one_key_make_one_effect_and_equal_answers(hub: Hub, empty: Database) -> None:
    await make("a")
    answers = await asyncio.gather(*(once() for _ in range(20)))
    assert set(answers) == {"receipt 1"}
    assert await once() == "receipt 1"
    assert await once("another") == "receipt 2"
    assert [c.type for c in await told(hub, EVERYTHING)] == ["NoteMade.1", "NotePaid.1", "NotePaid.1"]


async def test_a_key_used_for_another_request_is_a_conflict(empty: Database) -> None:
    await make("a")
    await once()
    with pytest.raises(IdempotencyKeyReused) as refused:
        await once(fingerprint="another body")
    assert isinstance(refused.value, Conflict)
    assert refused.value.code == "IDEMPOTENCY_KEY_REUSED"
    assert (await empty.notes.find_one({"key": "a"}) or {})["paid"] == 1


async def test_a_failure_is_not_kept(empty: Database) -> None:
    failing = True

    async def sometimes() -> str:
        await changes.insert(Note(key="a"))
        if failing:
            raise ZeroDivisionError
        return "done"

    with pytest.raises(ZeroDivisionError):
        await changes.once("key", "body", sometimes, seal=str.encode, open=bytes.decode)
    assert await empty.requests.count_documents({}) == 0
    failing = False
    assert await changes.once("key", "body", sometimes, seal=str.encode, open=bytes.decode) == "done"


async def test_a_duplicate_inside_the_call_is_the_callers(empty: Database) -> None:
    await make("a")
    with pytest.raises(DuplicateKeyError):
        await changes.once("key", "body", lambda: make("a"), seal=lambda _: b"", open=lambda _: Note(key=""))


async def test_once_inside_a_scope_is_refused(empty: Database) -> None:
    @changes.atomic
    async def outer() -> str:
        return await once()

    with pytest.raises(RuntimeError, match="its own scope"):
        await outer()


async def test_keys_are_forgotten_after_a_week(empty: Database) -> None:
    indexes = await empty.requests.index_information()
    assert indexes["at_1"]["expireAfterSeconds"] == 7 * 24 * 3600
