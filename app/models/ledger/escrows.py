from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from bson import ObjectId
from pymongo import ASCENDING, IndexModel

from app.core.actor import Actor
from app.core.privacy import NEUTRAL, PSEUDONYM, Subject, keep
from app.core.rows import Value
from app.models.base import DoorRow, StoredDocument, Where, when_due


class EscrowState(StrEnum):
    AWAITING_FUNDING = "awaiting_funding"
    FUNDED = "funded"
    IN_PROGRESS = "in_progress"
    SUBMITTED = "submitted"
    """The buyer has until `release_at` to say something else."""
    DISPUTED = "disputed"
    RELEASED = "released"
    """All that was left went to the seller."""
    REFUNDED = "refunded"
    """All that was left went back to the buyer."""
    SPLIT = "split"
    """A ruling gave a part of what was left to each."""
    CLOSED = "closed"
    """It was never funded."""


@dataclass(slots=True)
class Milestone(Value):
    """A part of the work, and what it is worth."""

    title: str
    amount: int


class Escrow(DoorRow):
    """Money of a buyer that waits for the work of a seller, in an account of its own.

    What `released` and `returned` come to has left it, and is never more than `amount`. Milestones are released in
    their order: one is done when `released` comes to it and all before it. `fee_rate` is in basis points of what is
    released, `fee` what was taken so far. Rates and days are those that held when it was opened.
    """

    collection = "escrows"
    personal = True
    data_subjects = (Subject("buyer_id"), Subject("seller_id"))
    policies = {
        "title milestones dispute": keep("it is what two people have agreed on, and the other has to know it"),
        "buyer_id seller_id": PSEUDONYM,
        "reference currency amount fee_rate review_days account_id released returned fee": NEUTRAL,
        "payment_id refund_id": NEUTRAL,
        "state release_at created_at changed_at": NEUTRAL,
    }
    audited = frozenset({"state"})

    buyer_id: ObjectId
    seller_id: ObjectId
    title: str
    reference: str = ""
    """Of the order it is for."""
    currency: str
    amount: int
    milestones: list[Milestone]
    fee_rate: int
    review_days: int
    account_id: ObjectId
    payment_id: ObjectId | None = None
    """That has funded it; None where it was funded from a wallet."""
    refund_id: ObjectId | None = None
    """Of that payment, by which some of what was returned goes back to what the buyer has paid by."""
    released: int = 0
    returned: int = 0
    fee: int = 0
    state: EscrowState = EscrowState.AWAITING_FUNDING
    release_at: datetime | None = None
    """When what was submitted is released by itself; None while nothing is."""
    dispute: str = ""
    """What it is about, as who disputes it says."""
    created_at: datetime
    changed_at: datetime

    @property
    def left(self) -> int:
        """What has not left it, once it is funded."""
        return self.amount - self.released - self.returned

    @property
    def next_milestone(self) -> int:
        """How much is to be released until the first milestone that is not done will be."""
        reached = 0
        for milestone in self.milestones:
            reached += milestone.amount
            if reached > self.released:
                return reached - self.released
        return 0

    @classmethod
    def within(cls, actor: Actor, where: Where | None = None, **equal: Any) -> dict[str, Any]:
        """Those that one is a party of; all of them for who reads the ledger, or rules on disputes."""
        asked = super().within(actor, where, **equal)
        if actor.system or actor.can("ledger.read") or actor.can("disputes.rule"):
            return asked
        mine = {"$or": [{"buyer_id": actor.user_id}, {"seller_id": actor.user_id}]}
        return {"organization_id": actor.organization_id, "$and": [asked, mine]}


class EscrowDocument(StoredDocument, Escrow):
    class Settings:
        name = Escrow.collection
        indexes = [
            IndexModel([("organization_id", ASCENDING), ("_id", ASCENDING)]),
            IndexModel([("organization_id", ASCENDING), ("buyer_id", ASCENDING), ("_id", ASCENDING)]),
            IndexModel([("organization_id", ASCENDING), ("seller_id", ASCENDING), ("_id", ASCENDING)]),
            IndexModel([("buyer_id", ASCENDING), ("_id", ASCENDING)]),
            IndexModel([("seller_id", ASCENDING), ("_id", ASCENDING)]),
            when_due("release_at"),
        ]
