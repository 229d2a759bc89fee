from datetime import datetime
from enum import StrEnum

from bson import ObjectId
from pymongo import ASCENDING, IndexModel

from app.core.privacy import NEUTRAL, keep
from app.models.base import DoorRow, StoredDocument
from app.models.billing.customers import Provider


class RemittanceState(StrEnum):
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Remittance(DoorRow):
    """Money that a provider sends to somebody's account, for what `reference` names. `key` is chosen by who asks."""

    collection = "remittances"
    policies = {
        "amount currency reference": keep("accounts must show what was paid out"),
        "provider_ref transfer_ref account_ref": keep("by it the provider finds what was paid out"),
        "key account_id provider state failure_code observed_at created_at changed_at": NEUTRAL,
    }
    audited = frozenset({"state"})

    key: str
    account_id: ObjectId
    amount: int
    currency: str
    reference: str
    provider: Provider
    account_ref: str | None = None
    """Where it is sent, as the provider calls it; the holder may have chosen something else since."""
    transfer_ref: str | None = None
    """What has moved the money into the account at the provider."""
    provider_ref: str | None = None
    """What has moved it on to the bank."""
    state: RemittanceState = RemittanceState.PROCESSING
    failure_code: str | None = None
    observed_at: datetime | None = None
    created_at: datetime
    changed_at: datetime


class RemittanceDocument(StoredDocument, Remittance):
    class Settings:
        name = Remittance.collection
        indexes = [
            IndexModel([("organization_id", ASCENDING), ("key", ASCENDING)], unique=True),
            IndexModel([("organization_id", ASCENDING), ("_id", ASCENDING)]),
            IndexModel(
                [("created_at", ASCENDING)],
                name="open",
                partialFilterExpression={"state": RemittanceState.PROCESSING.value},
            ),
        ]
