from datetime import datetime
from enum import StrEnum

from bson import ObjectId
from pymongo import ASCENDING, IndexModel

from app.core.privacy import NEUTRAL, PSEUDONYM, Subject, keep
from app.models.base import DoorRow, StoredDocument
from app.models.billing.customers import CustomerKind, Provider


class PaymentState(StrEnum):
    CREATED = "created"
    """The customer has yet to pay."""
    PROCESSING = "processing"
    """The provider is to move money, or does."""
    REQUIRES_ACTION = "requires_action"
    """The customer has to prove who they are to their bank."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class PaymentWay(StrEnum):
    """How a payment comes about."""

    CHARGE = "charge"
    """By the saved method of a customer, who is away."""
    CHECKOUT = "checkout"
    """On the provider's page."""
    RECEIPT = "receipt"
    """Somebody has noted it."""


class Payment(DoorRow):
    """Money that a customer pays to the organization that sells, for what `reference` names, such as `Invoice_<hex>`.

    Amounts are in minor units. `refunded` counts what is on its way back, too. `key` is chosen by who asks: the same
    key is the same payment. `provider_ref` is how the provider calls what moves the money, `page_ref` its page.
    """

    collection = "payments"
    data_subjects = (Subject("customer_id"),)
    policies = {
        "customer_id": PSEUDONYM,
        "amount currency refunded reference description external_reference": keep("accounts must show what was paid"),
        "provider_ref page_ref": keep("by it the provider finds what was paid"),
        "key customer_kind provider way state failure_code hard_decline saves_method": NEUTRAL,
        "asked_at observed_at created_at changed_at": NEUTRAL,
        "made_by_id": PSEUDONYM,
    }
    audited = frozenset({"state", "refunded"})

    key: str
    customer_kind: CustomerKind
    customer_id: ObjectId
    amount: int
    currency: str
    refunded: int = 0
    reference: str
    description: str = ""
    provider: Provider
    way: PaymentWay
    provider_ref: str | None = None
    page_ref: str | None = None
    external_reference: str | None = None
    """Of a bank transfer, or on a receipt."""
    saves_method: bool = False
    state: PaymentState = PaymentState.CREATED
    failure_code: str | None = None
    hard_decline: bool = False
    """Whether the same method would be declined again."""
    asked_at: datetime | None = None
    """When a provider that would charge twice was asked to, or it was given up: it is not asked again."""
    observed_at: datetime | None = None
    """When the provider was asked for what is known here."""
    made_by_id: ObjectId | None = None
    created_at: datetime
    changed_at: datetime


OPEN_PAYMENTS = (PaymentState.CREATED, PaymentState.PROCESSING, PaymentState.REQUIRES_ACTION)


class PaymentDocument(StoredDocument, Payment):
    class Settings:
        name = Payment.collection
        indexes = [
            IndexModel([("organization_id", ASCENDING), ("key", ASCENDING)], unique=True),
            IndexModel([("organization_id", ASCENDING), ("_id", ASCENDING)]),
            IndexModel([(n, ASCENDING) for n in ("organization_id", "customer_id", "customer_kind", "_id")]),
            IndexModel([("organization_id", ASCENDING), ("reference", ASCENDING)]),
            IndexModel(
                [("organization_id", ASCENDING), ("provider_ref", ASCENDING)],
                partialFilterExpression={"provider_ref": {"$gt": ""}},
            ),
            IndexModel(
                [("created_at", ASCENDING)],
                name="open",
                partialFilterExpression={"state": {"$in": [state.value for state in OPEN_PAYMENTS]}},
            ),
            IndexModel([("customer_id", ASCENDING)]),
        ]
