"""From which networks the platform is reached at all."""

from app.core import changes, networks
from app.core.actor import Actor
from app.core.clock import FIRST_ID
from app.core.networks import Rules
from app.models import PlatformNetworks, PlatformNetworksDocument
from app.models.platform.events import PlatformNetworksChanged
from app.services.organizations.networks import NetworkRules, must_admit
from app.services.platform import acts

PLATFORM = Actor.platform()


async def get() -> PlatformNetworks:
    """The rules, open to all until they are set."""
    found = await PlatformNetworks.lookup(PLATFORM, _id=FIRST_ID)
    return found or PlatformNetworksDocument(id=FIRST_ID)


async def rules() -> Rules:
    row = await get()
    return networks.rules(row.allowed, row.denied)


@changes.atomic
async def set_rules(actor: Actor, given: NetworkRules, address: str) -> PlatformNetworks:
    """Admit from now on by these rules. Raises LocksOut."""
    must_admit(given, address)
    row = PlatformNetworksDocument(id=FIRST_ID, allowed=given.allowed, denied=given.denied)
    told = PlatformNetworksChanged(Actor(user_id=actor.user_id))
    acts.tell(actor, "set networks", "platform", f"{len(given.allowed)} allowed, {len(given.denied)} denied")
    where = {"_id": FIRST_ID}
    stored, created = await changes.insert_once(row, where, told)
    if created:
        return stored
    set = {"$set": {"allowed": given.allowed, "denied": given.denied}}
    return await changes.change(PlatformNetworks, where, set, told) or stored
