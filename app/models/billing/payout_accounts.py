from datetime import datetime
from enum import StrEnum

from bson import ObjectId
from pymongo import ASCENDING, IndexModel

from app.core.privacy import NEUTRAL, PSEUDONYM, Subject, keep
from app.models.base import StoredDocument, TenantRow
from app.models.billing.customers import CustomerKind, Provider


class PayoutAccountState(StrEnum):
    PENDING = "pending"
    """Its holder has yet to tell the provider who they are."""
    ENABLED = "enabled"
    """Money can be sent to it."""
    RESTRICTED = "restricted"
    """The provider wants to know more."""


class PayoutAccount(TenantRow):
    """Where a provider sends somebody money that the organization pays them."""

    collection = "payout_accounts"
    data_subjects = (Subject("holder_id"),)
    policies = {
        "holder_id": PSEUDONYM,
        "provider_ref": keep("the provider keeps what was paid out, as the law demands, under this name"),
        "holder_kind provider state observed_at created_at changed_at": NEUTRAL,
    }
    audited = frozenset({"state"})

    holder_kind: CustomerKind
    holder_id: ObjectId
    provider: Provider
    provider_ref: str
    state: PayoutAccountState = PayoutAccountState.PENDING
    observed_at: datetime
    created_at: datetime
    changed_at: datetime


class PayoutAccountDocument(StoredDocument, PayoutAccount):
    class Settings:
        name = PayoutAccount.collection
        indexes = [
            IndexModel(
                [(n, ASCENDING) for n in ("organization_id", "holder_id", "holder_kind", "provider")], unique=True
            ),
            IndexModel([("organization_id", ASCENDING), ("provider_ref", ASCENDING)]),
        ]
