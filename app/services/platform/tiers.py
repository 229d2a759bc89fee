"""Tiers of organizations, as staff sets them, and who asks faster than theirs lets them."""

from dataclasses import dataclass, replace

from app.core import changes, rates
from app.core.actor import Actor
from app.core.clock import now
from app.core.errors import NotFound
from app.core.rows import Value
from app.models import Organization, OrganizationState, Tier
from app.models.organizations.events import OrganizationTierChanged
from app.services.platform import acts
from app.services.platform.organizations import OrganizationAction


class TierChange(OrganizationAction):
    """The tier that an organization has from now on."""

    tier: Tier


@dataclass(slots=True)
class Refusals(Value):
    """How often the bucket of somebody was empty, yesterday and today. `key` names them, by ids or an address."""

    kind: str
    key: str
    times: int


@changes.atomic
async def change(actor: Actor, given: TierChange) -> Organization:
    """Give an organization another tier; what it may ask follows within seconds. Raises NotFound."""
    id = given.organization_id
    told = OrganizationTierChanged(replace(actor, organization_id=id), organization=id, tier=given.tier.value)
    where = {"_id": id, "state": {"$ne": OrganizationState.DELETED.value}}
    set = {"tier": given.tier.value, "changed_at": now()}
    changed = await changes.change(Organization, where, {"$set": set, "$inc": {"version": 1}}, told)
    if changed is None:
        raise NotFound("There is no such Organization.", path=["input", "organizationId"])
    acts.tell(actor, "change_tier", "organization", id)
    return changed


async def refusals(first: int) -> list[Refusals]:
    """Who was refused most, yesterday and today."""
    return [Refusals(*one) for one in await rates.refusals(first)]
