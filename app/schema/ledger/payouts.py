from datetime import datetime

import strawberry

from app import models
from app.core import money
from app.schema.identity.users import User
from app.schema.kit.fields import computed, edge
from app.schema.kit.money import Money
from app.schema.kit.nodes import Node, by_class
from app.schema.kit.transitions import AvailableTransition, available_transitions
from app.schema.ledger.purses import Purse
from app.services.ledger.payouts import PAYOUT

strawberry.enum(models.PayoutState, description="How far a payout has come.")
strawberry.enum(models.PayoutSchedule, description="How often somebody is paid without asking.")


@strawberry.type(description="Money of somebody on its way to where they want it.")
class Payout(Node):
    model = models.Payout

    user: User | None = edge(models.User, by="user_id")
    purse: Purse
    state: models.PayoutState
    failure: str = strawberry.field(description="The provider's code for why it failed.")
    batch: str = strawberry.field(description="The day of the schedule that asked for it; empty if the person did.")
    created_at: datetime
    changed_at: datetime
    available_transitions: list[AvailableTransition] = available_transitions(PAYOUT)

    @computed("amount", "currency", description="How much.", returns=Money)
    def amount(row: strawberry.Parent[models.Payout]) -> money.Money:
        return money.Money(row.amount, row.currency)


@strawberry.type(description="How often one is paid without asking, and from what.")
class PayoutPlan:
    schedule: models.PayoutSchedule
    purses: list[Purse] = strawberry.field(description="From which one is paid.")
    due_at: datetime | None = strawberry.field(description="When one is paid next.")

    @classmethod
    @by_class
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, models.PayoutPlan)
