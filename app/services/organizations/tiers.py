"""Tiers of organizations, by what they have subscribed to: how fast those who act in them may ask.

A point is a request for at most POINT objects, as prices count them; one for more costs a point for each POINT begun,
and a subscription a point more for every EVENTS results. The tier says how many points an hour a person or an API key
has; the organization has TOGETHER times that an hour, and DAILY times that a day.
"""

from collections.abc import Mapping
from ipaddress import IPv6Address, ip_address

from bson import ObjectId

from app.core import changes, rates
from app.core.actor import Actor
from app.core.clock import now
from app.core.rates import Meter, Rate
from app.core.settings import settings
from app.models import Organization, OrganizationState, Tier
from app.models.organizations.events import OrganizationTierChanged

POINT, EVENTS = 100, 20
TOGETHER, DAILY = 10, 100
HOUR, DAY = 3_600, 86_400
ANONYMOUS = "anonymous"
_PREFIX = 64
"""Bits of an IPv6 address that one household has to itself."""


def points(cost: int) -> int:
    """What an operation of this price costs."""
    return max(1, -(-cost // POINT))


async def meters_of(actor: Actor) -> tuple[Meter, ...]:
    """What is spent by whoever is signed in, the person or key first; nothing where nothing is counted."""
    if not settings().rate_limits:
        return ()
    tier, organization = await _tier(actor.organization_id), actor.organization_id
    hourly = _hourly()[tier]
    kind, id = ("key", actor.key_id) if actor.key_id else ("person", actor.user_id)
    own = rates.meter(kind, f"{id}:{organization}", tier.value, Rate(hourly, HOUR))
    if organization is None:
        return (own,)
    together = rates.meter("organization", str(organization), tier.value, Rate(TOGETHER * hourly, HOUR))
    daily = rates.meter("day", str(organization), tier.value, Rate(DAILY * hourly, DAY))
    return own, together, daily


def meters_at(address: str) -> tuple[Meter, ...]:
    """What is spent by who has not signed in, by where they ask from."""
    if not settings().rate_limits:
        return ()
    return (rates.meter("address", _place(address), ANONYMOUS, Rate(settings().rate_anonymous, HOUR)),)


async def follow(id: ObjectId, tier: Tier) -> None:
    """Let an organization have the tier of what it has subscribed to."""
    told = OrganizationTierChanged(Actor.platform(id), organization=id, tier=tier.value)
    where = {"_id": id, "tier": {"$ne": tier.value}, "state": {"$ne": OrganizationState.DELETED.value}}
    set = {"tier": tier.value, "changed_at": now()}
    await changes.change(Organization, where, {"$set": set, "$inc": {"version": 1}}, told)


async def _tier(id: ObjectId | None) -> Tier:
    found = await Organization.lookup(Actor.platform(id), _id=id, fields=frozenset({"tier"})) if id else None
    return found.tier if found else Tier.STANDARD


def _hourly() -> Mapping[Tier, int]:
    chosen = settings()
    return {Tier.FREE: chosen.rate_free, Tier.STANDARD: chosen.rate_standard, Tier.SCALE: chosen.rate_scale}


def _place(address: str) -> str:
    try:
        found = ip_address(address)
    except ValueError:  # a socket in the file system
        return address
    if isinstance(found, IPv6Address) and found.ipv4_mapped is None:
        return str(IPv6Address(int(found) >> _PREFIX << _PREFIX))
    return str(found)
