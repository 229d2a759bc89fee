from datetime import datetime
from enum import StrEnum
from typing import Any

from bson import ObjectId
from pymongo import ASCENDING, DESCENDING, IndexModel

from app.core.actor import Actor
from app.core.privacy import NEUTRAL, PSEUDONYM, Subject
from app.models.base import DoorRow, StoredDocument, Where


class EarningState(StrEnum):
    PENDING = "pending"
    AVAILABLE = "available"


class HoldReason(StrEnum):
    """Why earnings are not available yet."""

    HOLD_PERIOD = "hold_period"
    """Buyers can still ask for their money back."""
    DISPUTE = "dispute"
    """A buyer has disputed the payment of a sale among them."""


class Earning(DoorRow):
    """What somebody's sales of a month come to, after fees and what was given back in that month.

    `month` is 2026-11 by the organization's clock. One below zero was taken from what is available.
    """

    collection = "earnings"
    personal = True
    data_subjects = (Subject("user_id"),)
    policies = {
        "user_id": PSEUDONYM,
        "month currency gross fees refunded amount sales state available_at hold_reasons": NEUTRAL,
        "created_at changed_at": NEUTRAL,
    }

    user_id: ObjectId
    month: str
    currency: str
    gross: int
    fees: int
    refunded: int
    """What was given back, without its fees."""
    amount: int
    sales: int
    state: EarningState = EarningState.PENDING
    available_at: datetime
    hold_reasons: list[HoldReason] = []
    created_at: datetime
    changed_at: datetime

    @classmethod
    def within(cls, actor: Actor, where: Where | None = None, **equal: Any) -> dict[str, Any]:
        """One's own; all of them for who reads the ledger."""
        asked = super().within(actor, where, **equal)
        return asked if actor.system or actor.can("ledger.read") else {**asked, "user_id": actor.user_id}


class EarningDocument(StoredDocument, Earning):
    class Settings:
        name = Earning.collection
        indexes = [
            IndexModel(
                [(name, ASCENDING) for name in ("organization_id", "month", "user_id", "currency")], unique=True
            ),
            IndexModel([("organization_id", ASCENDING), ("user_id", ASCENDING), ("_id", DESCENDING)]),
            IndexModel([("organization_id", ASCENDING), ("_id", DESCENDING)]),
            IndexModel([("user_id", ASCENDING), ("_id", ASCENDING)]),
            IndexModel([("available_at", ASCENDING)], partialFilterExpression={"state": EarningState.PENDING.value}),
        ]
