from datetime import datetime
from enum import StrEnum

from bson import ObjectId
from pymongo import ASCENDING, IndexModel

from app.core.privacy import NEUTRAL, PSEUDONYM, keep
from app.models.base import DoorRow, StoredDocument


class RefundState(StrEnum):
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Refund(DoorRow):
    """Money that goes back to who has paid, or a part of it. `key` is chosen by who asks."""

    collection = "refunds"
    policies = {
        "amount currency reason": keep("accounts must show what was given back, and why"),
        "provider_ref": keep("by it the provider finds what was given back"),
        "key payment_id state failure_code observed_at created_at changed_at": NEUTRAL,
        "made_by_id": PSEUDONYM,
    }
    audited = frozenset({"state"})

    key: str
    payment_id: ObjectId
    amount: int
    currency: str
    reason: str = ""
    provider_ref: str | None = None
    state: RefundState = RefundState.PENDING
    failure_code: str | None = None
    observed_at: datetime | None = None
    made_by_id: ObjectId | None = None
    """Nobody where it was given back at the provider."""
    created_at: datetime
    changed_at: datetime


class RefundDocument(StoredDocument, Refund):
    class Settings:
        name = Refund.collection
        indexes = [
            IndexModel([("organization_id", ASCENDING), ("key", ASCENDING)], unique=True),
            IndexModel([("organization_id", ASCENDING), ("payment_id", ASCENDING), ("_id", ASCENDING)]),
            IndexModel(
                [("created_at", ASCENDING)], name="open", partialFilterExpression={"state": RefundState.PENDING.value}
            ),
        ]
