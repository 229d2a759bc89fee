import strawberry

from app import models
from app.core.errors import Invalid, NotFound
from app.core.paging import MAX_PAGE
from app.schema.kit.audiences import staff
from app.schema.kit.context import Info
from app.schema.kit.fields import mutation, query
from app.schema.organizations.organizations import Organization
from app.schema.platform.tiers import Refusals
from app.services.platform import tiers


@strawberry.type
class Query:
    @query(list[Refusals], staff(models.Duty.OPERATIONS_READ))
    async def refusals(self, info: Info, first: int = 20) -> list[tiers.Refusals]:
        """Who was refused most for asking too fast, yesterday and today, as far as Redis knows."""
        if not 0 < first <= MAX_PAGE:
            raise Invalid("`first` is 1 to {most}.", most=MAX_PAGE)
        return await tiers.refusals(first)


@strawberry.type
class Mutation:
    @mutation(Organization, staff(models.Duty.LIMITS_SET), fails=(NotFound,))
    async def change_organization_tier(self, info: Info, input: tiers.TierChange) -> models.Organization:
        """Let those who act in an organization ask faster, or more slowly."""
        return await tiers.change(info.context.actor, input)
