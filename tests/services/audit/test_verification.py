"""AUD-3: whatever is done to the past is found."""

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from app.core.clock import now
from app.models import AuditEntry
from app.services.audit import heads, trail, verification
from app.services.audit.heads import BY_NUMBER
from tests.services.audit.pages import ADMIN, ORGANIZATION, joined, logged, silent

Store = AsyncDatabase[dict[str, Any]]
Tamper = Callable[[Store], Awaitable[object]]


@pytest.fixture
async def written(store: Store) -> Store:
    """Twelve entries, of which ten are under two heads."""
    for count in (6, 4, 2):
        await trail.follow(await logged(*(joined() for _ in range(count))))
        if count > 2:
            await heads.sign()
    return store


async def test_what_was_written_is_as_it_was_written(written: Store) -> None:
    verdict = await verification.verify(silent)
    assert (verdict.wrong, verdict.entries, verdict.heads, verdict.chains) == ([], 12, 2, 1)


async def _swap(store: Store, one: int, other: int) -> None:
    """Exchange the places of two entries."""
    numbers = {"number": {"$in": [one, other]}}
    first, second = await store.audit_entries.find(numbers).sort("number", 1).to_list()
    await store.audit_entries.delete_many(numbers)
    await store.audit_entries.insert_many([{**first, "number": other}, {**second, "number": one}])


async def _forge(store: Store) -> None:
    """Add an entry at the end, and let the chain say that it ends there."""
    last = await store.audit_entries.find_one({"number": 12})
    assert last
    await store.audit_entries.insert_one({**last, "_id": ObjectId(), "number": 13})
    await store.audit_chains.update_one({}, {"$set": {"number": 13}})


async def _cut(store: Store, number: int) -> None:
    """Let the chain end earlier, with all that says otherwise in the trail itself."""
    last = await store.audit_entries.find_one({"number": number})
    assert last
    await store.audit_entries.delete_many({"number": {"$gt": number}})
    await store.audit_heads.delete_many({"number": {"$gt": number}})
    await store.audit_chains.update_one({}, {"$set": {"number": number, "hash": last["hash"]}})


async def _rewrite(store: Store) -> None:
    """Change an entry, and hash everything again with a key that one does not have."""
    hash = b""
    async for row in store.audit_entries.find().sort("number", 1):
        if row["number"] == 3:
            row["data"]["role"] = "owner"
        hash = hmac.digest(b"guessed", hash + AuditEntry.decode(row).digest, "sha256")
        await store.audit_entries.update_one({"_id": row["_id"]}, {"$set": {"data": row["data"], "hash": hash}})
    await store.audit_chains.update_one({}, {"$set": {"hash": hash}})


_BARE: dict[str, Any] = {"chain_id": ORGANIZATION, "action": "a.b", "actor": "system", "data": {}, "hash": b""}

TAMPERINGS: dict[str, tuple[Tamper, str]] = {
    "an entry was changed": (
        lambda s: s.audit_entries.update_one({"number": 3}, {"$set": {"data.role": "owner"}}),
        "entry 3",
    ),
    "a moment was changed": (lambda s: s.audit_entries.update_one({"number": 12}, {"$set": {"at": now()}}), "entry 12"),
    "an actor was changed": (
        lambda s: s.audit_entries.update_one({"number": 7}, {"$set": {"actor_id": ObjectId()}}),
        "entry 7",
    ),
    "an entry is missing": (lambda s: s.audit_entries.delete_one({"number": 5}), "entries 5 to 5 are missing"),
    "the first is missing": (lambda s: s.audit_entries.delete_one({"number": 1}), "entries 1 to 1 are missing"),
    "the last is missing": (lambda s: s.audit_entries.delete_one({"number": 12}), "entries 12 to 12 are missing"),
    "all are missing": (lambda s: s.audit_entries.delete_many({}), "entries 1 to 12 are missing"),
    "two have changed places": (lambda s: _swap(s, 2, 4), "entry 2"),
    "neighbours at the end have changed places": (lambda s: _swap(s, 11, 12), "entry 11"),
    "one was added": (_forge, "entry 13"),
    "one was added behind the end": (
        lambda s: s.audit_entries.insert_one({**_BARE, "number": 13, "at": now()}),
        "it ends with entry 13",
    ),
    "the end was cut off": (lambda s: _cut(s, 10), "has no entry"),
    "the end was cut off with its head": (lambda s: _cut(s, 7), "has no entry"),
    "everything was hashed again": (_rewrite, "is not as it was written"),
    "the beginning is said to be old": (
        lambda s: s.audit_chains.update_one({}, {"$set": {"kept_from": 7}}),
        "its entries before 7 are gone",
    ),
    "a head was changed": (
        lambda s: s.audit_heads.update_one({"number": 6}, {"$set": {"signed_at": now()}}),
        "the head at 6 is not signed",
    ),
    "a head is missing": (lambda s: s.audit_heads.delete_one({"number": 6}), "does not follow"),
    "the chain's own row is missing": (lambda s: s.audit_chains.delete_many({}), "has no chain"),
}


@pytest.mark.parametrize("what", TAMPERINGS)
async def test_tampering_is_found(written: Store, what: str) -> None:
    tamper, told = TAMPERINGS[what]
    await tamper(written)
    wrong = (await verification.verify(silent)).wrong
    assert any(told in text for text in wrong), wrong


async def test_an_entry_is_proved_by_what_it_takes_with_it(written: Store) -> None:
    entries = await AuditEntry.select(trail.PLATFORM, order=BY_NUMBER)
    for entry in entries[:10]:
        proof = await heads.prove(ADMIN, entry)
        assert proof
        assert heads.proves(proof)
        assert str(ORGANIZATION) in proof.content.decode()
    assert await heads.prove(ADMIN, entries[-1]) is None, "no head covers it yet"


@pytest.mark.parametrize("part", ["content", "statement", "signature", "public_key", "path"])
async def test_a_proof_that_was_changed_proves_nothing(written: Store, part: str) -> None:
    (entry,) = await AuditEntry.select(trail.PLATFORM, {"number": 3})
    proof = await heads.prove(ADMIN, entry)
    assert proof
    changed: dict[str, Any] = {
        "content": proof.content.replace(b"member", b"owner!"),
        "statement": proof.statement.replace(b"1", b"2"),
        "signature": bytes(64),
        "public_key": bytes(range(32)),
        "path": proof.path[1:],
    }
    assert not heads.proves(replace(proof, **{part: changed[part]}))
