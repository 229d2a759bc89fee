import strawberry

from app import models
from app.core.errors import Forbidden, NotFound
from app.core.paging import Page, PageArgs
from app.schema.billing.plans import Plan, Price
from app.schema.kit.audiences import member, needs, signed_in, staff
from app.schema.kit.context import Info
from app.schema.kit.fields import connection, mutation
from app.services.billing.selling import plans

SELL = needs(models.Permission.BILLING_MANAGE)
FOR_PLATFORM = staff(models.Duty.BILLING_MANAGE)


@strawberry.type
class Query:
    @connection(Plan, member())
    async def plans(self, info: Info, page: PageArgs) -> Page[models.Plan]:
        """What the organization has to subscribe to, the newest first; all of it for who sells it."""
        return await plans.newest(info.context.actor, page)

    @connection(Plan, signed_in())
    async def platform_plans(self, info: Info, page: PageArgs) -> Page[models.Plan]:
        """What the platform has for organizations to subscribe to, the newest first; all of it for who sells it."""
        return await plans.of_platform(info.context.actor, page)


@strawberry.type
class Mutation:
    @mutation(Plan, SELL)
    async def create_plan(self, info: Info, input: plans.NewPlan) -> models.Plan:
        """Make a plan of the organization; it is sold once it has a price."""
        return await plans.create(info.context.actor, input)

    @mutation(Plan, FOR_PLATFORM)
    async def create_platform_plan(self, info: Info, input: plans.NewPlatformPlan) -> models.Plan:
        """Make a plan of the platform, for organizations."""
        return await plans.create_for_platform(info.context.actor, input)

    @mutation(Plan, SELL, fails=(NotFound, Forbidden))
    async def update_plan(self, info: Info, input: plans.PlanChange) -> models.Plan:
        """Change what is said of a plan."""
        return await plans.update(info.context.actor, input)

    @mutation(Plan, SELL, fails=(NotFound, Forbidden))
    async def archive_plan(self, info: Info, input: plans.PlanAction) -> models.Plan:
        """Sell a plan no more; who has it keeps it."""
        return await plans.archive(info.context.actor, input)

    @mutation(Price, SELL, fails=(NotFound, Forbidden))
    async def set_plan_price(self, info: Info, input: plans.NewPrice) -> models.Price:
        """Sell a plan at a price from now on; who has subscribed keeps theirs."""
        return await plans.set_price(info.context.actor, input)

    @mutation(Price, FOR_PLATFORM, fails=(NotFound, Forbidden))
    async def set_platform_plan_price(self, info: Info, input: plans.NewPrice) -> models.Price:
        """Sell a plan of the platform at a price from now on; who has subscribed keeps theirs."""
        return await plans.set_price(info.context.actor, input)
