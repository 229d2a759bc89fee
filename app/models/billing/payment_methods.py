from datetime import datetime
from enum import StrEnum

from bson import ObjectId
from pymongo import ASCENDING, IndexModel

from app.core.privacy import NEUTRAL, PSEUDONYM, Subject, keep
from app.models.base import DoorRow, StoredDocument
from app.models.billing.customers import CustomerKind, Provider


class PaymentMethodState(StrEnum):
    ACTIVE = "active"
    REMOVED = "removed"


class PaymentMethod(DoorRow):
    """What a customer has saved to pay with; the provider has the number, here is what tells it from others."""

    collection = "payment_methods"
    data_subjects = (Subject("customer_id"),)
    policies = {
        "customer_id": PSEUDONYM,
        "provider_ref brand last4 expires_month expires_year": keep(
            "it says by what was paid, which accounts must show; nobody can pay by it"
        ),
        "customer_kind provider default state observed_at created_at changed_at": NEUTRAL,
    }

    customer_kind: CustomerKind
    customer_id: ObjectId
    provider: Provider
    provider_ref: str
    brand: str
    last4: str
    expires_month: int
    expires_year: int
    default: bool = False
    """Whether it is the one that is charged when the customer is away."""
    state: PaymentMethodState = PaymentMethodState.ACTIVE
    observed_at: datetime
    """When the provider was asked for what is known here."""
    created_at: datetime
    changed_at: datetime


class PaymentMethodDocument(StoredDocument, PaymentMethod):
    class Settings:
        name = PaymentMethod.collection
        indexes = [
            IndexModel([("provider", ASCENDING), ("provider_ref", ASCENDING)], unique=True),
            IndexModel([(n, ASCENDING) for n in ("organization_id", "customer_id", "customer_kind", "_id")]),
            IndexModel(
                [(n, ASCENDING) for n in ("organization_id", "customer_id", "customer_kind", "provider")],
                name="one_default",
                unique=True,
                partialFilterExpression={"default": True},
            ),
            IndexModel([("customer_id", ASCENDING)]),
        ]
