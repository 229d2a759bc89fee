"""Where a person's data are: by what the rows declare, every place at which something of them can lie."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from app.core.actor import Actor
from app.core.clock import FIRST_ID
from app.core.paging import OLDEST
from app.core.privacy import Subject
from app.models import DOCUMENTS, Conversation, TenantRow, User
from app.models.audit.entries import PLATFORM_CHAIN, ChainRow
from app.models.base import DoorRow, StoredRow

PLATFORM = Actor.platform()
ADDRESSES = ("email", "address")
"""Columns by which a person is known by their e-mail address."""
TALKS = 100
"""Conversations that are looked through together."""


@dataclass(frozen=True, slots=True)
class Place:
    """Rows of one model that hold data of a person, in one organization if these are an organization's."""

    actor: Actor
    model: type[StoredRow]
    subject: Subject
    where: Mapping[str, Any]


def models() -> list[type[StoredRow]]:
    """Every row that can hold data of a person; people themselves last, for the others are found by them."""
    rows: list[type[StoredRow]] = [next(k for k in one.__mro__ if "collection" in vars(k)) for one in DOCUMENTS]
    return sorted((row for row in rows if row.data_subjects), key=lambda row: (row is User, row.collection))


async def places(user: User) -> AsyncIterator[Place]:
    """Every place for a person. A filter may find nothing."""
    for model in models():
        for subject in model.data_subjects:
            value = user.email if subject.by in ADDRESSES else user.id
            for actor, within in _scopes(model, user):
                async for where in _along(subject, actor, within):
                    yield Place(actor, model, subject, {**where, subject.by: value})


def _scopes(model: type[StoredRow], user: User) -> list[tuple[Actor, Mapping[str, Any]]]:
    """The actors who see the rows, each with their filter of all there are."""
    inside = [Actor.platform(id) for id in user.organization_ids]
    if issubclass(model, ChainRow):
        chains = [(actor, model.within(actor)) for actor in inside]
        return [*chains, (PLATFORM, model.within(PLATFORM, chain_id=PLATFORM_CHAIN))]
    if issubclass(model, TenantRow) and not issubclass(model, DoorRow):
        return [(actor, model.within(actor)) for actor in inside]
    return [(PLATFORM, model.within(PLATFORM))]


async def _along(subject: Subject, actor: Actor, where: Mapping[str, Any]) -> AsyncIterator[dict[str, Any]]:
    if subject.along is None:
        yield dict(where)
        return
    after = FIRST_ID
    while talks := await Conversation.select(
        actor, {"_id": {"$gt": after}}, fields=frozenset(), order=OLDEST, limit=TALKS
    ):
        yield {**where, subject.along: {"$in": [talk.id for talk in talks]}}
        after = talks[-1].id
