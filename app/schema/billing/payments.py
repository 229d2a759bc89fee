from datetime import datetime

import strawberry

from app import models
from app.core import money
from app.core.paging import Page, PageArgs
from app.schema.billing.customers import CustomerKind
from app.schema.billing.refunds import Refund
from app.schema.identity.users import User
from app.schema.kit.context import Info
from app.schema.kit.feeds import feed_cursor
from app.schema.kit.fields import computed, edge, pages
from app.schema.kit.money import Money
from app.schema.kit.nodes import Node, by_class
from app.schema.kit.transitions import AvailableTransition, available_transitions
from app.services.billing.paying import checkouts, refunds
from app.services.billing.paying.settlement import PAYMENT

strawberry.enum(models.Provider, name="PaymentProvider", description="By whom, or how, money comes in.")
strawberry.enum(models.PaymentState, description="How far a payment is.")
strawberry.enum(models.PaymentWay, description="How a payment comes about.")


@strawberry.type(description="Money that somebody pays to the organization, or that is asked of them.")
class Payment(Node):
    model = models.Payment

    reference: str = strawberry.field(description="What it is for.")
    description: str
    customer_kind: CustomerKind
    customer: User | None = edge(models.User, by="customer_id", description="Who pays, where that is a person.")
    provider: models.Provider
    way: models.PaymentWay
    external_reference: str | None = strawberry.field(description="Of a bank transfer, or on a receipt.")
    state: models.PaymentState
    failure_code: str | None = strawberry.field(description="Why it has failed, as the provider calls it.")
    hard_decline: bool = strawberry.field(description="Whether the same method would be declined again.")
    created_at: datetime
    changed_at: datetime
    cursor: str = feed_cursor("pay")
    available_transitions: list[AvailableTransition] = available_transitions(PAYMENT)

    @computed("amount", "currency", description="What is paid.", returns=Money)
    def amount(row: strawberry.Parent[models.Payment]) -> money.Money:
        return money.Money(row.amount, row.currency)

    @computed("refunded", "currency", description="What of it was given back, or is on its way.", returns=Money)
    def refunded(row: strawberry.Parent[models.Payment]) -> money.Money:
        return money.Money(row.refunded, row.currency)

    @pages(Refund, models.Refund, reads=("id", "organization_id"))
    async def refunds(row: strawberry.Parent[models.Payment], info: Info, page: PageArgs) -> Page[models.Refund]:
        """What was given back of it, the newest first."""
        return await refunds.of(info.context.actor, row, page)


@strawberry.type(description="A payment, and the page on which it is made.")
class CheckoutBegun:
    payment: Payment
    url: str | None = strawberry.field(description="The provider's page. Null in a rehearsal.")

    @classmethod
    @by_class
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, checkouts.CheckoutBegun)
