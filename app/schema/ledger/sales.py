from datetime import datetime

import strawberry

from app import models
from app.core import money
from app.schema.identity.users import User
from app.schema.kit.fields import computed, edge
from app.schema.kit.money import Money
from app.schema.kit.nodes import by_class
from app.services.ledger import refunds


@strawberry.type(description="That somebody has sold something for the organization.")
class Sale:
    reference: str = strawberry.field(description="Of the order.")
    seller: User | None = edge(models.User, by="seller_id")
    sold_at: datetime

    @computed("amount", "currency", description="What the buyer has paid.", returns=Money)
    def amount(row: strawberry.Parent[models.Sale]) -> money.Money:
        return money.Money(row.amount, row.currency)

    @computed("fee", "currency", description="What the organization keeps of it.", returns=Money)
    def fee(row: strawberry.Parent[models.Sale]) -> money.Money:
        return money.Money(row.fee, row.currency)

    @classmethod
    @by_class
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, models.Sale)


@strawberry.type(description="That a part of an order was given back, and what of it by now.")
class OrderRefund:
    reference: str

    @computed("amount", "currency", description="What was given back of the order in all.", returns=Money)
    def amount(row: strawberry.Parent[refunds.OrderRefund]) -> money.Money:
        return money.Money(row.amount, row.currency)

    @classmethod
    @by_class
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, refunds.OrderRefund)
