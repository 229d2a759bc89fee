from datetime import datetime, timedelta
from enum import StrEnum

from bson import ObjectId
from pymongo import ASCENDING, IndexModel

from app.core.privacy import NEUTRAL, PSEUDONYM, keep
from app.models.base import PlatformRow, StoredDocument
from app.models.billing.customers import Provider

HEALED_KEPT = timedelta(days=90)


class PaymentDifferenceKind(StrEnum):
    """In what a provider and what is kept here differ."""

    NOTICE = "notice"
    """It has told something that never arrived; it was looked at then."""
    PAYMENT = "payment"
    """A payment had gone on there; it was moved here."""
    REFUND = "refund"
    """A refund had."""
    REMITTANCE = "remittance"
    """Money on its way to somebody had."""
    UNKNOWN_CHARGE = "unknown_charge"
    """It has charged somebody for nothing that is known here."""
    OTHER_AMOUNT = "other_amount"
    """It has charged another amount than was asked for: nothing was booked."""
    PAID_AFTER_END = "paid_after_end"
    """It has money for a payment that had failed or was given up: nothing was booked."""
    PAID_TWICE = "paid_twice"
    """It has money for an invoice that was paid otherwise: what is too much is the customer's balance."""
    UNASKED_REFUND = "unasked_refund"
    """It has given back what nobody has asked for here: that was booked."""
    REFUND_ABOVE_PAYMENT = "refund_above_payment"
    """It has given back more than is left of a payment: nothing was booked."""
    REFUND_AFTER_FAILURE = "refund_after_failure"
    """It has given back after all what had failed: nothing was booked."""


class PaymentDifferenceState(StrEnum):
    HEALED = "healed"
    """What is kept here was made to say the same."""
    OPEN = "open"
    """Somebody has to look at it."""
    SEEN_TO = "seen_to"


class PaymentDifference(PlatformRow):
    """That a provider had something else than was kept here: of one kind and thing once, however often it is found.

    `subject` is what it is about, by a global id of ours or as the provider calls it; `seller_id` is whose it is, if
    that is known.
    """

    collection = "payment_differences"
    policies = {
        "provider kind seller_id payment_id state times found_at last_found_at seen_to_at changed_at": NEUTRAL,
        "subject detail": keep("by it the provider finds what differs, and accounts must show why they do"),
        "note": keep("accounts must show what became of a difference"),
        "seen_to_by_id": PSEUDONYM,
    }
    audited = frozenset({"state"})

    provider: Provider
    kind: PaymentDifferenceKind
    subject: str
    detail: str = ""
    seller_id: ObjectId | None = None
    payment_id: ObjectId | None = None
    state: PaymentDifferenceState = PaymentDifferenceState.OPEN
    note: str = ""
    times: int = 1
    found_at: datetime
    last_found_at: datetime
    seen_to_at: datetime | None = None
    seen_to_by_id: ObjectId | None = None
    changed_at: datetime


class PaymentDifferenceDocument(StoredDocument, PaymentDifference):
    class Settings:
        name = PaymentDifference.collection
        indexes = [
            IndexModel([("provider", ASCENDING), ("kind", ASCENDING), ("subject", ASCENDING)], unique=True),
            IndexModel([("state", ASCENDING), ("_id", ASCENDING)]),
            IndexModel([("seller_id", ASCENDING), ("_id", ASCENDING)]),
            IndexModel(
                [("last_found_at", ASCENDING)],
                name="healed",
                expireAfterSeconds=int(HEALED_KEPT.total_seconds()),
                partialFilterExpression={"state": PaymentDifferenceState.HEALED.value},
            ),
        ]
