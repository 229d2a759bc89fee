import strawberry

from app import models
from app.core.errors import Forbidden, NotFound
from app.core.paging import Page, PageArgs
from app.schema.kit.audiences import needs
from app.schema.kit.context import Info
from app.schema.kit.fields import connection, mutation
from app.schema.notifications.deliveries import Delivery, Suppression
from app.services.notifications import deliveries, suppressions
from app.services.notifications.suppressions import AddressToSuppress

MANAGE = needs(models.Permission.CAMPAIGNS_MANAGE)


@strawberry.type
class Query:
    @connection(Delivery, MANAGE)
    async def deliveries(
        self, info: Info, page: PageArgs, state: models.DeliveryState | None = None
    ) -> Page[models.Delivery]:
        """What went out in the organization's name in the last 90 days, or is to; the newest first."""
        return await deliveries.newest(info.context.actor, page, state)

    @connection(Suppression, MANAGE)
    async def suppressions(self, info: Info, page: PageArgs, email: str | None = None) -> Page[models.Suppression]:
        """Why the organization does not write to an address; without one, to whichever. Addresses are not kept."""
        return await suppressions.newest(info.context.actor, page, email)


@strawberry.type
class Mutation:
    @mutation(Delivery, MANAGE, fails=(NotFound, Forbidden))
    async def retry_delivery(self, info: Info, input: deliveries.DeliveryToRetry) -> models.Delivery:
        """Send something again that was given up."""
        return await deliveries.retry(info.context.actor, input)

    @mutation(Suppression, MANAGE)
    async def suppress_address(self, info: Info, input: AddressToSuppress) -> models.Suppression:
        """Let an address get nothing that goes to many."""
        return await suppressions.suppress(info.context.actor, input)

    @mutation(Suppression, MANAGE, fails=(NotFound,))
    async def lift_suppression(self, info: Info, input: AddressToSuppress) -> models.Suppression:
        """Write to an address again, whatever spoke against it."""
        return await suppressions.lift(info.context.actor, input)
