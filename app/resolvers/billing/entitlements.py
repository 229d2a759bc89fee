import strawberry

from app import models
from app.core.errors import Forbidden, LimitReached, NotFound
from app.core.paging import Page, PageArgs
from app.models import Buyer, CustomerKind
from app.schema.billing.entitlements import Entitled, Entitlement, UsageRelease, UsageReservation
from app.schema.billing.usage import UsageTaken
from app.schema.kit.audiences import member, needs
from app.schema.kit.context import Info
from app.schema.kit.fields import connection, mutation, query
from app.services.billing import buyers
from app.services.billing.metering import entitlements, extensions, usage

RECORD = needs(models.Permission.USAGE_RECORD)
MANAGE = needs(models.Permission.BILLING_MANAGE)


@strawberry.type
class Query:
    @query(list[Entitled], member(), cost=20)
    async def my_entitlements(self, info: Info) -> list[entitlements.Entitled]:
        """What one may use now of what the organization sells, and how much of it is left."""
        actor = info.context.actor
        assert actor.user_id
        return await entitlements.of(actor, Buyer(CustomerKind.PERSON, actor.user_id))

    @connection(Entitlement, needs(models.Permission.BILLING_READ))
    async def entitlements(
        self, info: Info, page: PageArgs, customer_id: strawberry.ID | None = None
    ) -> Page[models.Entitlement]:
        """What customers of the organization may use, or one of them."""
        customer = buyers.named(customer_id).id if customer_id else None
        return await entitlements.newest(info.context.actor, page, customer)


@strawberry.type
class Mutation:
    @mutation(Entitlement, MANAGE, fails=(NotFound,))
    async def grant_entitlement(self, info: Info, input: entitlements.Grant) -> models.Entitlement:
        """Let a customer use something; what they might of the same feature before is over."""
        return await entitlements.grant(info.context.actor, input)

    @mutation(Entitlement, MANAGE, fails=(NotFound,))
    async def end_entitlement(self, info: Info, input: entitlements.EntitlementAction) -> models.Entitlement:
        """Let a customer use something no more."""
        return await entitlements.end(info.context.actor, input)

    @mutation(Entitlement, MANAGE, fails=(NotFound, Forbidden))
    async def extend_allowance(self, info: Info, input: extensions.Extension) -> models.Entitlement:
        """Add units that a customer has bought to what is left of an allowance, until it begins anew."""
        return await extensions.extend(info.context.actor, input)

    @mutation(UsageReservation, RECORD, fails=(NotFound, Forbidden, LimitReached))
    async def reserve_usage(self, info: Info, input: entitlements.Reserving) -> entitlements.Reserved:
        """Keep so much of an allowance for a customer who is about to use it; refused where so much is not left."""
        return await entitlements.reserve(info.context.actor, input)

    @mutation(UsageTaken, RECORD, fails=(NotFound, Forbidden, LimitReached))
    async def settle_usage(self, info: Info, input: entitlements.Settling) -> usage.UsageTaken:
        """Measure what was used of what was reserved, and free the rest."""
        return await entitlements.settle(info.context.actor, input)

    @mutation(UsageRelease, RECORD, fails=(NotFound, Forbidden))
    async def release_usage(self, info: Info, input: entitlements.Releasing) -> entitlements.Released:
        """Free what was reserved, of which nothing was used."""
        return await entitlements.release(info.context.actor, input)
