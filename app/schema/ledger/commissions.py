from datetime import datetime

import strawberry

from app import models
from app.core import money
from app.schema.identity.users import User
from app.schema.kit.fields import computed, edge
from app.schema.kit.money import Money
from app.schema.kit.nodes import Node, by_class
from app.schema.kit.transitions import AvailableTransition, available_transitions
from app.services.ledger.commissions import COMMISSION, Recorded

strawberry.enum(models.CommissionBasis, description="From what a commission is computed.")
strawberry.enum(models.CommissionTerm, description="For which orders of a customer there is a commission.")
strawberry.enum(models.CommissionState, description="How far a commission has come.")
strawberry.enum(models.CommissionReason, description="Why a commission is what it is.")


@strawberry.type(description="From how much sold in a month on which rate holds.")
class CommissionTier:
    threshold: money.Minor = strawberry.field(description="In minor units of the plan's currency.")
    rate: int = strawberry.field(description="In basis points.")

    @classmethod
    @by_class
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, models.CommissionTier)


@strawberry.type(description="What marketers get of an order that they have brought, all of them together.")
class CommissionPlan(Node):
    model = models.CommissionPlan

    name: str
    currency: str
    basis: models.CommissionBasis
    rate: int = strawberry.field(description="In basis points.")
    tiers: list[CommissionTier]
    term: models.CommissionTerm
    months: int = strawberry.field(description="Of a recurring one, after the first order.")
    hold_days: int = strawberry.field(description="Before it can be paid out.")
    retired: bool = strawberry.field(description="Whether orders bring nothing by it any more.")
    created_at: datetime

    @computed("fixed", "currency", description="Of an order, where it is always the same.", returns=Money)
    def fixed(row: strawberry.Parent[models.CommissionPlan]) -> money.Money:
        return money.Money(row.fixed, row.currency)

    @computed("cap", "currency", description="What an order brings at most.", returns=Money | None)
    def cap(row: strawberry.Parent[models.CommissionPlan]) -> money.Money | None:
        return None if row.cap is None else money.Money(row.cap, row.currency)

    @computed("minimum", "currency", description="What an order brings at least.", returns=Money)
    def minimum(row: strawberry.Parent[models.CommissionPlan]) -> money.Money:
        return money.Money(row.minimum, row.currency)


@strawberry.type(description="What a marketer gets of an order, or why they get nothing.")
class Commission(Node):
    model = models.Commission

    user: User | None = edge(models.User, by="user_id")
    plan: CommissionPlan | None = edge(models.CommissionPlan, by="plan_id")
    reference: str = strawberry.field(description="Of the order.")
    weight: int = strawberry.field(description="Of the person among those who have brought the order.")
    state: models.CommissionState
    reason: models.CommissionReason
    note: str = strawberry.field(description="What who has decided says of it.")
    available_at: datetime = strawberry.field(description="When it can be paid out, once it is approved.")
    created_at: datetime
    changed_at: datetime
    available_transitions: list[AvailableTransition] = available_transitions(COMMISSION)

    @computed("amount", "currency", description="Of this person, without what was taken back.", returns=Money)
    def amount(row: strawberry.Parent[models.Commission]) -> money.Money:
        return money.Money(row.amount, row.currency)

    @computed(
        "clawed_back", "currency", description="What was taken back as the customer got money back.", returns=Money
    )
    def clawed_back(row: strawberry.Parent[models.Commission]) -> money.Money:
        return money.Money(row.clawed_back, row.currency)

    @computed("sold", "currency", description="What the order came to.", returns=Money)
    def sold(row: strawberry.Parent[models.Commission]) -> money.Money:
        return money.Money(row.sold, row.currency)


@strawberry.type(description="What an order has brought to whom.")
class ReferralRecorded:
    commissions: list[Commission]

    @classmethod
    @by_class
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, Recorded)
