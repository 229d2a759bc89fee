"""From which networks an organization's members and keys may come."""

from bson import ObjectId

from app.core import changes, networks
from app.core.actor import Actor
from app.core.commands import Command
from app.core.errors import Conflict
from app.core.networks import Networks, Rules
from app.models import Organization
from app.models.organizations.events import NetworkRulesChanged

COLUMNS = frozenset({"allowed_networks", "denied_networks"})


class LocksOut(Conflict):
    """Who makes this change could not take it back: they come from an address that it refuses."""

    code = "LOCKS_OUT"


class NetworkRules(Command):
    """From where people may come: the networks allowed, all if there are none, but for those denied."""

    allowed: Networks = []
    denied: Networks = []


def must_admit(given: NetworkRules, address: str) -> None:
    """Raises LocksOut when the rules would not admit this address."""
    if not networks.rules(given.allowed, given.denied).admit(address):
        raise LocksOut("This would lock you out: you come from {address}.", path=["input"], address=address)


async def rules_of(organization_id: ObjectId) -> Rules:
    """The rules of an organization."""
    row = await Organization.lookup(Actor.platform(organization_id), _id=organization_id, fields=COLUMNS)
    return networks.rules(row.allowed_networks, row.denied_networks) if row else networks.OPEN


async def set_rules(actor: Actor, given: NetworkRules, address: str) -> Organization:
    """Admit from now on by these rules, whoever comes from the address that asks. Raises LocksOut."""
    assert actor.organization_id
    must_admit(given, address)
    told = NetworkRulesChanged(actor, organization=actor.organization_id)
    set = {"allowed_networks": given.allowed, "denied_networks": given.denied}
    return await changes.edit(Organization, {"_id": actor.organization_id}, set, told)
