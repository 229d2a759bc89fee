import strawberry

from app import models
from app.core.errors import NotFound
from app.core.paging import Page, PageArgs
from app.schema.kit.audiences import member, needs
from app.schema.kit.context import Info
from app.schema.kit.fields import connection, mutation, query
from app.schema.ledger.earnings import Earning, EarningForecastDay
from app.schema.ledger.sales import OrderRefund, Sale
from app.services.ledger import earnings, refunds, sales

MANAGE = needs(models.Permission.MONEY_MANAGE)


@strawberry.type
class Query:
    @query(list[EarningForecastDay], member())
    async def earnings_forecast(self, info: Info, currency: str) -> list[earnings.ForecastDay]:
        """What of one's earnings becomes available on which day."""
        return await earnings.forecast(info.context.actor, currency)

    @connection(Earning, member())
    async def earnings(self, info: Info, page: PageArgs) -> Page[models.Earning]:
        """What one's sales come to by months, the newest first; everybody's for who reads the ledger."""
        return await earnings.newest(info.context.actor, page)


@strawberry.type
class Mutation:
    @mutation(Sale, MANAGE, fails=(NotFound,))
    async def record_sale(self, info: Info, input: sales.NewSale) -> models.Sale:
        """Keep that a member has sold something elsewhere; once for an order and seller."""
        return await sales.record_sale(info.context.actor, input)

    @mutation(OrderRefund, MANAGE, fails=(NotFound,), in_turn=True)
    async def record_order_refund(self, info: Info, input: refunds.NewOrderRefund) -> refunds.OrderRefund:
        """Keep that a part of an order was given back: what sellers and marketers have of it is taken from them."""
        return await refunds.record(info.context.actor, input)
