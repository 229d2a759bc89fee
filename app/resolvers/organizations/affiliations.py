import strawberry

from app import models
from app.core.errors import Forbidden, NotFound
from app.core.paging import Page, PageArgs
from app.schema.kit.audiences import needs, signed_in
from app.schema.kit.context import Info
from app.schema.kit.fields import connection, mutation
from app.schema.organizations.affiliations import Affiliation
from app.services.organizations import affiliations
from app.services.organizations.affiliations import AffiliationAction

MANAGE = needs(models.Permission.AFFILIATIONS_MANAGE)


@strawberry.type
class Query:
    @connection(Affiliation, MANAGE)
    async def affiliations(self, info: Info, page: PageArgs) -> Page[models.Affiliation]:
        """Those who sell for the organization, or have asked to."""
        return await affiliations.newest(info.context.actor, page)

    @connection(Affiliation, signed_in())
    async def my_affiliations(self, info: Info, page: PageArgs) -> Page[models.Affiliation]:
        """The organizations for which one sells, or has asked to."""
        return await affiliations.mine(info.context.actor, page)


@strawberry.type
class Mutation:
    @mutation(Affiliation, signed_in(), fails=(NotFound, Forbidden))
    async def ask_for_affiliation(self, info: Info, input: affiliations.AffiliationRequest) -> models.Affiliation:
        """Ask to sell for an organization."""
        return await affiliations.ask(info.context.actor, input)

    @mutation(Affiliation, MANAGE, fails=(NotFound, Forbidden))
    async def approve_affiliation(self, info: Info, input: AffiliationAction) -> models.Affiliation:
        """Let somebody sell for the organization."""
        return await affiliations.move(info.context.actor, input, "approve")

    @mutation(Affiliation, MANAGE, fails=(NotFound, Forbidden))
    async def reject_affiliation(self, info: Info, input: AffiliationAction) -> models.Affiliation:
        """Do not let somebody sell for the organization; they may ask again."""
        return await affiliations.move(info.context.actor, input, "reject")

    @mutation(Affiliation, MANAGE, fails=(NotFound, Forbidden))
    async def suspend_affiliation(self, info: Info, input: AffiliationAction) -> models.Affiliation:
        """Let somebody not sell for the organization for now."""
        return await affiliations.move(info.context.actor, input, "suspend")

    @mutation(Affiliation, MANAGE, fails=(NotFound, Forbidden))
    async def reinstate_affiliation(self, info: Info, input: AffiliationAction) -> models.Affiliation:
        """Let somebody whose affiliation was suspended sell again."""
        return await affiliations.move(info.context.actor, input, "reinstate")

    @mutation(Affiliation, signed_in(), fails=(NotFound, Forbidden))
    async def end_affiliation(self, info: Info, input: AffiliationAction) -> models.Affiliation:
        """End an affiliation, as the person or as who manages those of the organization."""
        return await affiliations.move(info.context.actor, input, "end")
