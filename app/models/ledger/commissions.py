from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from bson import ObjectId
from pymongo import ASCENDING, DESCENDING, IndexModel

from app.core.actor import Actor
from app.core.privacy import NEUTRAL, PSEUDONYM, Subject, keep
from app.core.rows import Value
from app.models.base import DoorRow, StoredDocument, TenantRow, Where


class CommissionBasis(StrEnum):
    """From what a commission is computed."""

    PERCENT = "percent"
    FIXED = "fixed"
    TIERED = "tiered"
    """A percentage that depends on what was sold through the marketers in the month so far."""


class CommissionTerm(StrEnum):
    """For which orders of a customer there is one."""

    FIRST = "first"
    RECURRING = "recurring"
    """For those of some months after the first."""
    LIFETIME = "lifetime"


class CommissionState(StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    """It becomes available at `available_at`."""
    AVAILABLE = "available"
    REJECTED = "rejected"
    CLAWED_BACK = "clawed_back"
    """The customer has been given all of their money back."""


class CommissionReason(StrEnum):
    """Why a commission is what it is."""

    EARNED = "earned"
    CAPPED = "capped"
    RAISED_TO_MINIMUM = "raised_to_minimum"
    SELF_REFERRAL = "self_referral"
    NOT_FIRST_ORDER = "not_first_order"
    TERM_OVER = "term_over"
    PLAN_RETIRED = "plan_retired"
    NOTHING_TO_SHARE = "nothing_to_share"
    REFUNDED = "refunded"
    DECIDED = "decided"
    """By somebody, who has said why."""


@dataclass(slots=True)
class CommissionTier(Value):
    """From how much sold in a month on which rate holds, in basis points."""

    threshold: int
    rate: int


class CommissionPlan(TenantRow):
    """What marketers get of orders that they have brought, all of them together."""

    collection = "commission_plans"
    policies = {
        "name": keep("it is the organization's"),
        "basis rate fixed tiers currency term months cap minimum hold_days retired created_at changed_at": NEUTRAL,
    }

    name: str
    currency: str
    basis: CommissionBasis
    rate: int = 0
    """In basis points."""
    fixed: int = 0
    tiers: list[CommissionTier] = []
    term: CommissionTerm = CommissionTerm.FIRST
    months: int = 0
    cap: int | None = None
    minimum: int = 0
    hold_days: int = 30
    retired: bool = False
    created_at: datetime
    changed_at: datetime


class CommissionPlanDocument(StoredDocument, CommissionPlan):
    class Settings:
        name = CommissionPlan.collection
        indexes = [IndexModel([("organization_id", ASCENDING), ("_id", DESCENDING)])]


class Commission(DoorRow):
    """What a marketer gets of an order; one that is refused is here too, with the reason."""

    collection = "commissions"
    personal = True
    data_subjects = (Subject("user_id"), Subject("customer_id"))
    policies = {
        "user_id customer_id": PSEUDONYM,
        "note": keep("the marketer has to know why"),
        "plan_id reference sold currency amount clawed_back refunded refund_keys weight state": NEUTRAL,
        "reason": keep("it is one of a few words that everybody could have"),
        "available_at created_at changed_at": NEUTRAL,
    }
    audited = frozenset({"state"})

    user_id: ObjectId
    plan_id: ObjectId
    customer_id: ObjectId
    reference: str
    """Of the order."""
    sold: int
    """What the order came to."""
    currency: str
    amount: int
    """Of this person; what was taken back is not in it any more."""
    clawed_back: int = 0
    refunded: int = 0
    """How much of the order was given back."""
    refund_keys: list[str] = []
    weight: int
    state: CommissionState = CommissionState.PENDING
    reason: CommissionReason
    note: str = ""
    available_at: datetime
    created_at: datetime
    changed_at: datetime

    @classmethod
    def within(cls, actor: Actor, where: Where | None = None, **equal: Any) -> dict[str, Any]:
        """One's own; all of them for who reads the ledger or decides on them."""
        asked = super().within(actor, where, **equal)
        seen = actor.system or actor.can("ledger.read") or actor.can("money.manage")
        return asked if seen else {**asked, "user_id": actor.user_id}


class CommissionDocument(StoredDocument, Commission):
    class Settings:
        name = Commission.collection
        indexes = [
            IndexModel([(name, ASCENDING) for name in ("organization_id", "reference", "user_id")], unique=True),
            IndexModel([("organization_id", ASCENDING), ("user_id", ASCENDING), ("_id", DESCENDING)]),
            IndexModel([("organization_id", ASCENDING), ("_id", DESCENDING)]),
            IndexModel([(name, ASCENDING) for name in ("organization_id", "plan_id", "customer_id", "created_at")]),
            IndexModel([(name, ASCENDING) for name in ("organization_id", "plan_id", "created_at")]),
            IndexModel([("user_id", ASCENDING), ("_id", ASCENDING)]),
            IndexModel([("customer_id", ASCENDING), ("_id", ASCENDING)]),
            IndexModel(
                [("available_at", ASCENDING)], partialFilterExpression={"state": CommissionState.APPROVED.value}
            ),
        ]
