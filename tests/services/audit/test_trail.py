"""AUD-1: one entry a change, numbered without gaps, exactly once."""

import asyncio
import re
from dataclasses import replace
from typing import Any

import pytest
from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from app.core import changes
from app.core.actor import Actor
from app.core.changes import Event
from app.models import AuditEntry
from app.models.audit.entries import PLATFORM_CHAIN
from app.models.messaging.events import MessageSent
from app.models.organizations.events import OrganizationDeletionRequested
from app.services.audit import trail
from app.services.audit.heads import BY_NUMBER
from tests.services.audit.pages import ADMIN, ORGANIZATION, joined, page

Store = AsyncDatabase[dict[str, Any]]


async def test_a_change_becomes_an_entry_of_its_organization(store: Store) -> None:
    told = joined()
    elsewhere = Actor(ObjectId(), ObjectId())
    await trail.follow(page(told, joined(elsewhere), joined(), joined(Actor(user_id=ObjectId()))))
    first, second = await _entries(ORGANIZATION)
    assert (first.number, first.action, first.actor) == (1, "membership.changed", ADMIN.name)
    assert (first.id, first.actor_id, first.target_ids) == (told.id, ADMIN.user_id, [told.user])
    assert first.data == {"user": told.user, "state": "active", "role": "member", "granted": []}
    assert second.number == 2
    for chain in (elsewhere.organization_id, PLATFORM_CHAIN):
        assert [entry.number for entry in await _entries(chain)] == [1]


async def test_who_acted_as_the_actor_is_part_of_what_is_hashed_where_somebody_did(store: Store) -> None:
    """Others hash as entries did before there was such a column."""
    own, other = page(joined(), joined())
    behind = ObjectId()
    await trail.follow([own, replace(other, origin={"v": "graphql", "i": "x", "b": behind})])
    first, second = await _entries(ORGANIZATION)
    assert (first.behind_id, second.behind_id) == (None, behind)
    assert b"behind_id" not in first.content
    assert str(behind).encode() in second.content


async def test_what_is_a_record_of_itself_has_no_entry(store: Store) -> None:
    sent = MessageSent(ADMIN, conversation=ObjectId(), message=ObjectId(), sender=ObjectId())
    await trail.follow(page(sent))
    assert await _entries(ORGANIZATION) == []


async def test_a_page_that_comes_again_adds_nothing(store: Store) -> None:
    first, second, third = page(joined(), joined(), joined())
    await trail.follow([first, second])
    await trail.follow([first, second, third])
    await trail.follow([second, third])
    assert [entry.id for entry in await _entries(ORGANIZATION)] == [first.id, second.id, third.id]


async def test_who_dies_in_the_middle_leaves_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    told, insert = page(joined(), joined(), joined(Actor(ObjectId()))), changes.insert_all

    async def die(*given: Any) -> None:
        await insert(*given)
        raise ConnectionError

    monkeypatch.setattr(changes, "insert_all", die)
    with pytest.raises(ConnectionError):
        await trail.follow(told)
    assert await store.audit_entries.count_documents({}) == await store.audit_chains.count_documents({}) == 0


async def test_two_who_read_the_same_page_make_its_entries_once(store: Store) -> None:
    """One that was frozen past its lease, and the one that took over."""
    pages = [page(*(joined() for _ in range(10))) for _ in range(5)]
    for told in pages:
        await asyncio.gather(*(trail.follow(told) for _ in range(4)))
    entries = await _entries(ORGANIZATION)
    assert [entry.id for entry in entries] == [change.id for told in pages for change in told]
    assert [entry.number for entry in entries] == list(range(1, 51))


def test_actions_are_named_by_their_events() -> None:
    assert trail.action(OrganizationDeletionRequested.type()) == "organization_deletion.requested"
    assert trail.is_audited("SomethingOfANewerRelease.1")
    kinds = {kind: Event.of_type(kind) for kind in Event.known_types()}
    actions = [trail.action(kind) for kind, event in kinds.items() if event and event.__module__.startswith("app.")]
    assert "session.ended" in actions
    assert [action for action in actions if not re.fullmatch(r"[a-z_]+\.[a-z]+", action)] == []


async def _entries(chain: ObjectId | None) -> list[AuditEntry]:
    return await AuditEntry.select(trail.PLATFORM, {"chain_id": chain}, order=BY_NUMBER)
