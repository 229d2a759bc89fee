from datetime import datetime
from enum import StrEnum

from bson import ObjectId
from pymongo import ASCENDING, IndexModel

from app.core.privacy import NEUTRAL, keep
from app.models.base import DoorRow, StoredDocument


class DisputeState(StrEnum):
    OPEN = "open"
    WON = "won"
    LOST = "lost"


class Dispute(DoorRow):
    """That who has paid has had their bank take the money back; the bank decides who gets it."""

    collection = "disputes"
    policies = {
        "amount currency reason": keep("accounts must show what was lost, and why"),
        "provider_ref": keep("by it the provider finds it"),
        "payment_id state due_at observed_at created_at changed_at": NEUTRAL,
    }
    audited = frozenset({"state"})

    payment_id: ObjectId
    amount: int
    currency: str
    reason: str = ""
    provider_ref: str
    state: DisputeState = DisputeState.OPEN
    due_at: datetime | None = None
    """By when the seller may answer."""
    observed_at: datetime
    created_at: datetime
    changed_at: datetime


class DisputeDocument(StoredDocument, Dispute):
    class Settings:
        name = Dispute.collection
        indexes = [
            IndexModel([("organization_id", ASCENDING), ("provider_ref", ASCENDING)], unique=True),
            IndexModel([("organization_id", ASCENDING), ("payment_id", ASCENDING), ("_id", ASCENDING)]),
            IndexModel([("organization_id", ASCENDING), ("_id", ASCENDING)]),
            IndexModel([("state", ASCENDING), ("_id", ASCENDING)]),
        ]
