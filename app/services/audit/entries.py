"""Reading the audit trail."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import bson
from bson import ObjectId

from app.core import changes
from app.core.actor import Actor
from app.core.filters import Filterable, Tree
from app.core.paging import Order, Page, PageArgs
from app.core.rows import Value
from app.models import AuditEntry
from app.models.audit.events import DataDisclosed
from app.services.audit import heads

FILTERABLE = Filterable(frozenset({"action", "actor", "actor_id", "at", "request_id"}))
NEWEST = Order(("number", "_id"))
DISCLOSED = "audit.entries"


@dataclass(frozen=True, slots=True)
class Place(Value):
    """From where somebody acted."""

    address: str
    agent: str


@dataclass(frozen=True, slots=True)
class FieldChange(Value):
    """One field of what was changed, before and after."""

    field: str
    before: Any
    after: Any


async def newest(
    actor: Actor, page: PageArgs, filter: Tree | None = None, about: ObjectId | None = None
) -> Page[AuditEntry]:
    """Entries of the actor's organization, for staff in none the platform's; `about` is the id of what it was about."""
    where = FILTERABLE.mongo(filter) if filter else {}
    if about is not None:
        where = {"$and": [where, {"target_ids": about}]} if where else {"target_ids": about}
    return await AuditEntry.page(actor, page, where, NEWEST)


async def find(actor: Actor, id: ObjectId) -> AuditEntry | None:
    """An entry, by its id alone. That it was looked at is audited."""
    entry = await AuditEntry.lookup(actor, _id=id)
    if entry is not None:
        await changes.tell(DataDisclosed(actor, what=DISCLOSED, subjects=[id]))
    return entry


async def prove(actor: Actor, id: ObjectId) -> heads.Proof | None:
    """The proof of an entry; None for one that there is not, or that no head covers yet."""
    entry = await AuditEntry.lookup(actor, _id=id)
    return await heads.prove(actor, entry) if entry else None


def of_platform(actor: Actor) -> Actor:
    """Somebody on the staff, as they look at what happened in no organization."""
    return replace(actor, organization_id=None)


async def place_of(entry: AuditEntry) -> Place | None:
    """From where the actor acted; None when nobody knows, or when they have been erased."""
    plain = await entry.place.open() if entry.place else None
    return Place(**bson.decode(plain)) if plain else None


async def changes_of(entry: AuditEntry) -> Sequence[FieldChange] | None:
    """What was changed, field by field; None when nothing was kept, or when whose it was has been erased."""
    plain = await entry.image.open() if entry.image else None
    if plain is None:
        return None
    return [FieldChange(name, *pair) for name, pair in sorted(bson.decode(plain).items())]
