from datetime import datetime

import strawberry

from app import models
from app.schema.billing.payments import Payment
from app.schema.billing.sellers import organization_by
from app.schema.kit.fields import batched
from app.schema.kit.nodes import Node
from app.schema.kit.transitions import AvailableTransition, available_transitions
from app.schema.organizations.organizations import Organization
from app.services.billing.paying import disputes
from app.services.billing.paying.differences import DIFFERENCE

strawberry.enum(models.PaymentDifferenceKind, description="In what a provider and what is kept here differ.")
strawberry.enum(models.PaymentDifferenceState, description="Whether somebody has to look at a difference.")


@strawberry.type(description="That a provider of payments had something else than was kept here.")
class PaymentDifference(Node):
    model = models.PaymentDifference

    provider: models.Provider
    kind: models.PaymentDifferenceKind
    subject: str = strawberry.field(description="What it is about: an id of ours, or what the provider calls it.")
    detail: str
    organization: Organization | None = organization_by("seller_id", "Whose money it is, if that is known.")
    payment: Payment | None = batched(disputes.payments_of, by="payment_id", model=models.Payment)
    state: models.PaymentDifferenceState
    note: str = strawberry.field(description="What who has seen to it says.")
    times: int = strawberry.field(description="How often it was found.")
    found_at: datetime
    last_found_at: datetime
    seen_to_at: datetime | None
    available_transitions: list[AvailableTransition] = available_transitions(DIFFERENCE)
