"""Organizations, as staff sees them all and suspends them.

In a suspended organization everything can be read and nothing changed: its members lose no data, and whatever it was
suspended for stays as it is. It is not deleted either.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from typing import Annotated, Any

from bson import ObjectId
from pydantic import Field

from app.core import changes, quotas
from app.core.actor import Actor
from app.core.clock import now
from app.core.commands import Command, Ref
from app.core.errors import NotFound
from app.core.paging import Page, PageArgs
from app.core.rows import Names
from app.models import Organization, Suspension
from app.models.organizations.events import OrganizationReinstated, OrganizationSuspended
from app.services.organizations.deletion import ORGANIZATION
from app.services.organizations.seats import SEATS
from app.services.platform import acts

PLATFORM = Actor.platform()


class OrganizationAction(Command):
    """An organization of the platform."""

    organization_id: Annotated[ObjectId, Ref("Organization")]


class OrganizationSuspension(OrganizationAction):
    """Which organization to suspend, and why: its members read the reason."""

    reason: Annotated[str, Field(min_length=1, max_length=500)]


class SeatLimit(OrganizationAction):
    """How many seats an organization may have."""

    seats: Annotated[int | None, Field(ge=1, le=1_000_000, description="Null for as many as any organization.")] = None


async def newest(page: PageArgs) -> Page[Organization]:
    return await Organization.page(PLATFORM, page)


async def by_ids(actor: Actor, ids: Iterable[Any], fields: Names | None) -> Mapping[Any, Organization]:
    """Those that something names which one may see: its own people, or staff."""
    return await Organization.by_ids(PLATFORM, ids, fields)


@changes.atomic
async def suspend(actor: Actor, given: OrganizationSuspension) -> Organization:
    """Let nothing be changed in an organization until it is reinstated. Raises NotFound or IllegalTransition."""
    assert actor.user_id
    row = await _get(given.organization_id)
    told = OrganizationSuspended(replace(actor, organization_id=row.id), organization=row.id)
    suspension = asdict(Suspension(now(), actor.user_id, given.reason))
    acts.tell(actor, "suspend", "organization", row.id)
    return await ORGANIZATION.move(actor, row, "suspend", told, suspension=suspension)


@changes.atomic
async def reinstate(actor: Actor, given: OrganizationAction) -> Organization:
    """Let an organization be as it was. Raises NotFound or IllegalTransition."""
    row = await _get(given.organization_id)
    told = OrganizationReinstated(replace(actor, organization_id=row.id), organization=row.id)
    acts.tell(actor, "reinstate", "organization", row.id)
    return await ORGANIZATION.move(actor, row, "reinstate", told, suspension=None)


@changes.atomic
async def set_seats(actor: Actor, given: SeatLimit) -> Organization:
    """Let an organization have so many seats, or as many as any. Raises NotFound."""
    row = await _get(given.organization_id)
    acts.tell(actor, f"set {SEATS.name} to {given.seats}", "organization", row.id)
    await quotas.set_limit(Actor.platform(row.id), SEATS, given.seats)
    return row


async def _get(id: ObjectId) -> Organization:
    row = await Organization.lookup(PLATFORM, _id=id)
    if row is None:
        raise NotFound("There is no such Organization.", path=["input", "organizationId"])
    return row
