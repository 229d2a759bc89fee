from datetime import datetime

import strawberry

from app import models
from app.core import money
from app.schema.billing.payments import Payment
from app.schema.billing.sellers import organization_by
from app.schema.kit.fields import batched, computed
from app.schema.kit.money import Money
from app.schema.kit.nodes import Node
from app.schema.organizations.organizations import Organization
from app.services.billing.paying import disputes

strawberry.enum(models.DisputeState, description="Who gets what is disputed.")


@strawberry.type(description="That a customer has had their bank take a payment back, and what becomes of it.")
class Dispute(Node):
    model = models.Dispute

    organization: Organization | None = organization_by("organization_id", "To whom it was paid.")
    payment: Payment | None = batched(disputes.payments_of, by="payment_id", model=models.Payment)
    reason: str = strawberry.field(description="As the provider calls it.")
    state: models.DisputeState
    due_at: datetime | None = strawberry.field(description="By when the seller may answer, at the provider.")
    created_at: datetime
    changed_at: datetime

    @computed("amount", "currency", description="What is disputed.", returns=Money)
    def amount(row: strawberry.Parent[models.Dispute]) -> money.Money:
        return money.Money(row.amount, row.currency)
