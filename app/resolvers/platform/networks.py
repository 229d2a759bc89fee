import strawberry

from app import models
from app.schema.kit.audiences import staff
from app.schema.kit.context import Info
from app.schema.kit.fields import mutation, query
from app.schema.platform.networks import PlatformNetworkRules
from app.services.organizations.networks import NetworkRules
from app.services.platform import networks

NETWORKS = staff(models.Duty.NETWORKS_SET)


@strawberry.type
class Query:
    @query(PlatformNetworkRules, NETWORKS)
    async def platform_network_rules(self, info: Info) -> models.PlatformNetworks:
        """From which networks the platform is reached."""
        return await networks.get()


@strawberry.type
class Mutation:
    @mutation(PlatformNetworkRules, NETWORKS)
    async def set_platform_network_rules(self, info: Info, input: NetworkRules) -> models.PlatformNetworks:
        """Admit people and keys by these rules, in every organization; refused when one would be locked out."""
        return await networks.set_rules(info.context.actor, input, info.context.address)
