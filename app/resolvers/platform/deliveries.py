import strawberry

from app import models
from app.core.paging import Page, PageArgs
from app.schema.kit.audiences import staff
from app.schema.kit.context import Info
from app.schema.kit.fields import connection
from app.schema.notifications.deliveries import Delivery
from app.services.notifications import deliveries


@strawberry.type
class Query:
    @connection(Delivery, staff(models.Duty.OPERATIONS_READ))
    async def platform_deliveries(
        self, info: Info, page: PageArgs, state: models.DeliveryState | None = None
    ) -> Page[models.Delivery]:
        """What the platform has sent in its own name in the last 90 days, or is to; the newest first."""
        return await deliveries.newest(deliveries.HOME, page, state)
