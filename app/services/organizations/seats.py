"""Seats: each member has one, and each open invitation holds one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bson import ObjectId

from app.core import quotas
from app.core.actor import Actor
from app.core.quotas import Count, Quota, Reservation, Usage
from app.core.rows import Names, Value
from app.core.settings import settings
from app.models import Invitation, InvitationState, Membership, MembershipState

MANY = 10_000_000
VALID = timedelta(days=7)
"""How long an invitation holds its seat."""


async def _count(actor: Actor) -> Count:
    inside = Actor.platform(actor.organization_id)
    members = await Membership.tally(inside, {"state": {"$ne": MembershipState.LEFT.value}}, cap=MANY)
    open = await Invitation.select(inside, {"state": InvitationState.PENDING.value})
    return Count(members, [Reservation(one.id, 1, held_until(one.created_at)) for one in open])


SEATS = Quota("seats", lambda: settings().seats_per_organization, _count)


def held_until(invited_at: datetime) -> datetime:
    return invited_at + VALID


@dataclass(slots=True)
class OrganizationUsage(Value):
    """What an organization uses of each quota."""

    seats: Usage


async def usage(actor: Actor, ids: Iterable[ObjectId], fields: Names | None) -> Mapping[ObjectId, OrganizationUsage]:
    """What each organization uses."""
    return {id: OrganizationUsage(await quotas.usage(Actor.platform(id), SEATS)) for id in ids}
