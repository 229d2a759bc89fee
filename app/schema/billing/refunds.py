from datetime import datetime

import strawberry

from app import models
from app.core import money
from app.schema.identity.users import User
from app.schema.kit.fields import computed, edge
from app.schema.kit.money import Money
from app.schema.kit.nodes import Node

strawberry.enum(models.RefundState, description="How far a refund is.")


@strawberry.type(description="Money that goes back to who has paid.")
class Refund(Node):
    model = models.Refund

    reason: str
    state: models.RefundState
    failure_code: str | None = strawberry.field(description="Why it has failed, as the provider calls it.")
    made_by: User | None = edge(models.User, by="made_by_id", description="Null where it was made at the provider.")
    created_at: datetime
    changed_at: datetime

    @computed("amount", "currency", description="What goes back.", returns=Money)
    def amount(row: strawberry.Parent[models.Refund]) -> money.Money:
        return money.Money(row.amount, row.currency)
