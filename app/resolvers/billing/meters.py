import strawberry

from app import models
from app.core.errors import Forbidden, NotFound
from app.core.paging import Page, PageArgs
from app.schema.billing.meters import Meter
from app.schema.kit.audiences import needs
from app.schema.kit.context import Info
from app.schema.kit.fields import connection, mutation
from app.services.billing.metering import meters


@strawberry.type
class Query:
    @connection(Meter, needs(models.Permission.BILLING_READ))
    async def meters(self, info: Info, page: PageArgs) -> Page[models.Meter]:
        """What the organization measures of the use of what it sells, the newest first."""
        return await meters.newest(info.context.actor, page)


@strawberry.type
class Mutation:
    @mutation(Meter, needs(models.Permission.BILLING_MANAGE))
    async def create_meter(self, info: Info, input: meters.NewMeter) -> models.Meter:
        """Measure something; it is refused where there is a meter of that key."""
        return await meters.create(info.context.actor, input)

    @mutation(Meter, needs(models.Permission.BILLING_MANAGE), fails=(NotFound, Forbidden))
    async def archive_meter(self, info: Info, input: meters.MeterAction) -> models.Meter:
        """Take no more events of a meter; what was measured stays."""
        return await meters.archive(info.context.actor, input)
