from datetime import datetime

import strawberry

from app import models
from app.core.errors import NotFound
from app.core.paging import Page, PageArgs
from app.schema.billing.meters import Meter
from app.schema.billing.usage import MeterUsage, OrganizationUse, UsageEvent, UsageReceipt
from app.schema.kit.audiences import needs
from app.schema.kit.context import Info
from app.schema.kit.fields import connection, mutation, query
from app.schema.kit.filters import in_utc
from app.schema.kit.nodes import key
from app.services.billing import buyers
from app.services.billing.metering import platform_usage, usage


@strawberry.type
class Query:
    @connection(UsageEvent, needs(models.Permission.BILLING_READ))
    async def usage_events(
        self,
        info: Info,
        page: PageArgs,
        customer_id: strawberry.ID | None = None,
        meter_id: strawberry.ID | None = None,
    ) -> Page[models.UsageEvent]:
        """What customers of the organization have used, event by event, the newest first."""
        customer = buyers.named(customer_id).id if customer_id else None
        meter = key(meter_id, Meter) if meter_id else None
        return await usage.newest(info.context.actor, page, customer, meter)

    @query(list[MeterUsage], needs(models.Permission.BILLING_READ), cost=50)
    async def customer_usage(
        self, info: Info, customer_id: strawberry.ID, starts_at: datetime, ends_at: datetime
    ) -> list[usage.MeterUsage]:
        """What each meter of the organization shows of a customer, from one moment to before another."""
        customer = buyers.named(customer_id)
        begin, end = in_utc(starts_at, ["startsAt"]), in_utc(ends_at, ["endsAt"])
        return await usage.shown(info.context.actor, customer, begin, end)

    @query(list[OrganizationUse], needs(models.Permission.BILLING_READ), cost=20)
    async def organization_usage(self, info: Info) -> list[platform_usage.OrganizationUse]:
        """What the organization uses of the platform: API calls of this month, storage and seats."""
        return await platform_usage.of(info.context.actor)


@strawberry.type
class Mutation:
    @mutation(UsageReceipt, needs(models.Permission.USAGE_RECORD), fails=(NotFound,))
    async def record_usage(self, info: Info, input: usage.UsageBatch) -> usage.UsageReceipt:
        """Take in what customers have used, at most 100 events, all or none; what came before counts once."""
        return await usage.record(info.context.actor, input)
