from datetime import datetime
from enum import StrEnum
from typing import Any

from bson import ObjectId
from pymongo import ASCENDING, DESCENDING, IndexModel

from app.core.actor import Actor
from app.core.privacy import NEUTRAL, PSEUDONYM, Subject
from app.models.base import DoorRow, StoredDocument, Where, when_due


class Purse(StrEnum):
    """From which of their accounts somebody is paid."""

    WALLET = "wallet"
    EARNINGS = "earnings"
    COMMISSIONS = "commissions"


class PayoutState(StrEnum):
    PENDING = "pending"
    PROCESSING = "processing"
    """The provider is being asked; it cannot be cancelled any more."""
    IN_TRANSIT = "in_transit"
    PAID = "paid"
    FAILED = "failed"
    CANCELLED = "cancelled"
    RETURNED = "returned"
    """It was paid, and the bank has sent it back."""


class PayoutSchedule(StrEnum):
    MANUAL = "manual"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


def _own(actor: Actor, asked: dict[str, Any]) -> dict[str, Any]:
    return asked if actor.system or actor.can("ledger.read") else {**asked, "user_id": actor.user_id}


class Payout(DoorRow):
    """Money on its way from an account of somebody's to where they want it."""

    collection = "payouts"
    personal = True
    data_subjects = (Subject("user_id"),)
    policies = {
        "user_id": PSEUDONYM,
        "purse amount currency account_id state failure batch created_at changed_at": NEUTRAL,
    }
    audited = frozenset({"state"})

    user_id: ObjectId
    purse: Purse
    amount: int
    currency: str
    account_id: ObjectId
    """Of the person's payout account."""
    state: PayoutState = PayoutState.PENDING
    failure: str = ""
    """The provider's code for why it failed."""
    batch: str = ""
    """Of a schedule: the day on which it was made."""
    created_at: datetime
    changed_at: datetime

    @classmethod
    def within(cls, actor: Actor, where: Where | None = None, **equal: Any) -> dict[str, Any]:
        """One's own; all of them for who reads the ledger."""
        return _own(actor, super().within(actor, where, **equal))


class PayoutDocument(StoredDocument, Payout):
    class Settings:
        name = Payout.collection
        indexes = [
            IndexModel([("organization_id", ASCENDING), ("user_id", ASCENDING), ("_id", DESCENDING)]),
            IndexModel([("organization_id", ASCENDING), ("_id", DESCENDING)]),
            IndexModel([("user_id", ASCENDING), ("_id", ASCENDING)]),
        ]


class PayoutPlan(DoorRow):
    """How often somebody is paid by an organization without asking, and from what."""

    collection = "payout_plans"
    personal = True
    data_subjects = (Subject("user_id", whole=True),)
    policies = {
        "user_id": PSEUDONYM,
        "schedule purses due_at changed_at": NEUTRAL,
    }

    user_id: ObjectId
    schedule: PayoutSchedule = PayoutSchedule.MANUAL
    purses: list[Purse] = []
    """From which it is paid by itself."""
    due_at: datetime | None = None
    """When it is paid by itself next."""
    changed_at: datetime

    @classmethod
    def within(cls, actor: Actor, where: Where | None = None, **equal: Any) -> dict[str, Any]:
        asked = super().within(actor, where, **equal)
        return asked if actor.system else {**asked, "user_id": actor.user_id}


class PayoutPlanDocument(StoredDocument, PayoutPlan):
    class Settings:
        name = PayoutPlan.collection
        indexes = [
            IndexModel([("organization_id", ASCENDING), ("user_id", ASCENDING)], unique=True),
            IndexModel([("user_id", ASCENDING), ("_id", ASCENDING)]),
            when_due("due_at"),
        ]
