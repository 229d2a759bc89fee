from datetime import datetime

import strawberry

from app import models
from app.core import money
from app.schema.identity.users import User
from app.schema.kit.fields import computed, edge
from app.schema.kit.money import Money
from app.schema.kit.nodes import Node, by_class
from app.services.ledger import earnings

strawberry.enum(models.EarningState, description="Whether earnings can be paid out.")
strawberry.enum(models.HoldReason, name="EarningHoldReason", description="Why earnings are not available yet.")


@strawberry.type(description="What somebody's sales of a month come to.")
class Earning(Node):
    model = models.Earning

    user: User | None = edge(models.User, by="user_id")
    month: str = strawberry.field(description="Such as 2026-11, by the organization's clock.")
    sales: int = strawberry.field(description="How many there were.")
    state: models.EarningState
    available_at: datetime = strawberry.field(description="When it is available, unless a reason is left by then.")
    hold_reasons: list[models.HoldReason] = strawberry.field(description="Why it is not available yet.")
    created_at: datetime

    @computed("amount", "currency", description="What is left for the person; below zero it was taken.", returns=Money)
    def amount(row: strawberry.Parent[models.Earning]) -> money.Money:
        return money.Money(row.amount, row.currency)

    @computed("gross", "currency", description="What buyers have paid.", returns=Money)
    def gross(row: strawberry.Parent[models.Earning]) -> money.Money:
        return money.Money(row.gross, row.currency)

    @computed("fees", "currency", description="What the organization has kept of it.", returns=Money)
    def fees(row: strawberry.Parent[models.Earning]) -> money.Money:
        return money.Money(row.fees, row.currency)

    @computed("refunded", "currency", description="What was given back in the month, less its fees.", returns=Money)
    def refunded(row: strawberry.Parent[models.Earning]) -> money.Money:
        return money.Money(row.refunded, row.currency)


@strawberry.type(description="What becomes available on a day, as far as it is known now.")
class EarningForecastDay:
    day: str = strawberry.field(description="Such as 2026-12-15, by the organization's clock.")

    @computed("amount", "currency", description="All of it.", returns=Money)
    def amount(row: strawberry.Parent[earnings.ForecastDay]) -> money.Money:
        return money.Money(row.amount, row.currency)

    @computed("expected", "currency", description="The part of it that may still change.", returns=Money)
    def expected(row: strawberry.Parent[earnings.ForecastDay]) -> money.Money:
        return money.Money(row.expected, row.currency)

    @classmethod
    @by_class
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, earnings.ForecastDay)
