from datetime import datetime

import strawberry

from app import models
from app.core import money
from app.schema.billing.refunds import Refund
from app.schema.identity.users import User
from app.schema.kit.fields import computed, edge
from app.schema.kit.money import Money
from app.schema.kit.nodes import Node, by_class
from app.schema.kit.transitions import AvailableTransition, available_transitions
from app.schema.ledger.moves import AccountMove
from app.services.ledger import escrows
from app.services.ledger.escrows import ESCROW

strawberry.enum(models.EscrowState, description="How far an escrow has come.")


@strawberry.type(description="A part of the work that an escrow pays for.")
class Milestone:
    title: str
    amount: money.Minor = strawberry.field(description="What it is worth, in minor units of the escrow's currency.")

    @classmethod
    @by_class
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, models.Milestone)


@strawberry.type(description="Money of a buyer that waits for the work of a seller.")
class Escrow(Node):
    model = models.Escrow

    title: str
    reference: str = strawberry.field(description="Of the order it is for.")
    buyer: User | None = edge(models.User, by="buyer_id")
    seller: User | None = edge(models.User, by="seller_id")
    milestones: list[Milestone] = strawberry.field(description="In the order in which they are paid.")
    fee_rate: int = strawberry.field(description="What the platform takes of what is released, in basis points.")
    review_days: int = strawberry.field(description="After which what was submitted is released by itself.")
    state: models.EscrowState
    release_at: datetime | None = strawberry.field(description="When what was submitted is released by itself.")
    refund: Refund | None = edge(
        models.Refund, by="refund_id", description="By which some of it goes back to what the buyer has paid by."
    )
    dispute: str = strawberry.field(description="What it is about, as who disputes it says.")
    created_at: datetime
    changed_at: datetime
    available_transitions: list[AvailableTransition] = available_transitions(ESCROW)

    @computed("amount", "currency", description="What all of the work is worth.", returns=Money)
    def amount(row: strawberry.Parent[models.Escrow]) -> money.Money:
        return money.Money(row.amount, row.currency)

    @computed("released", "currency", description="What went to the seller, the fee with it.", returns=Money)
    def released(row: strawberry.Parent[models.Escrow]) -> money.Money:
        return money.Money(row.released, row.currency)

    @computed("returned", "currency", description="What went back to the buyer.", returns=Money)
    def returned(row: strawberry.Parent[models.Escrow]) -> money.Money:
        return money.Money(row.returned, row.currency)

    @computed("fee", "currency", description="What the platform took of what was released.", returns=Money)
    def fee(row: strawberry.Parent[models.Escrow]) -> money.Money:
        return money.Money(row.fee, row.currency)


@strawberry.type(description="What has become of an escrow, and what was moved by the same step.")
class EscrowStep:
    escrow: Escrow
    postings: list[AccountMove] = strawberry.field(description="Their sum is zero in every currency.")

    @classmethod
    @by_class
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, escrows.EscrowStep)
