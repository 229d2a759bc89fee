"""Subscriptions of people and organizations to the plans of sellers."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from bson import ObjectId
from pymongo import ASCENDING, IndexModel

from app.core.privacy import NEUTRAL, PSEUDONYM, Subject
from app.models.base import DoorRow, StoredDocument, when_due
from app.models.billing.customers import CustomerKind


class SubscriptionState(StrEnum):
    INCOMPLETE = "incomplete"
    """Its first invoice is not paid yet; after a day it expires."""
    TRIALING = "trialing"
    ACTIVE = "active"
    PAST_DUE = "past_due"
    """An invoice could not be collected; access goes on while it is tried again."""
    GRACE = "grace"
    """It has ended, or was not paid for; access ends soon."""
    PAUSED = "paused"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class Collection(StrEnum):
    """How invoices are paid."""

    AUTOMATIC = "automatic"
    """The customer's default method is charged."""
    MANUAL = "manual"
    """The customer pays: by checkout, bank transfer or cash."""


class Subscription(DoorRow):
    """Somebody's subscription to a plan of the organization, at a price that stays theirs.

    Periods are counted from `anchor_at`: `period` is the number of the present one, which is from `starts_at` to
    `ends_at`. What was used from `metered_from` on is not billed yet. `next_at` is when the clock has to look at it.
    """

    collection = "subscriptions"
    data_subjects = (Subject("customer_id"),)
    policies = {
        "customer_id": PSEUDONYM,
        "customer_kind plan_id price_id seats collection_method state time_zone anchor_at period": NEUTRAL,
        "starts_at ends_at metered_from renews cancels next_price_id next_seats": NEUTRAL,
        "paused_at resumes_at grace_ends_at notified next_at ended_at version created_at": NEUTRAL,
        "changed_at": NEUTRAL,
    }
    audited = frozenset({"state", "price_id", "seats", "cancels"})

    customer_kind: CustomerKind
    customer_id: ObjectId
    plan_id: ObjectId
    price_id: ObjectId
    seats: int = 1
    collection_method: Collection = Collection.AUTOMATIC
    state: SubscriptionState = SubscriptionState.INCOMPLETE
    time_zone: str
    anchor_at: datetime
    period: int
    starts_at: datetime
    ends_at: datetime
    metered_from: datetime
    renews: bool = True
    """Whether a period follows by itself; else the customer is told in time, and renews it or not."""
    cancels: bool = False
    """Whether it is over at the end of the period."""
    next_price_id: ObjectId | None = None
    next_seats: int | None = None
    """What it changes to at the end of the period."""
    paused_at: datetime | None = None
    resumes_at: datetime | None = None
    grace_ends_at: datetime | None = None
    notified: int | None = None
    """How many days before the end of the period the customer was last told of it."""
    next_at: datetime | None = None
    ended_at: datetime | None = None
    version: int = 1
    created_at: datetime
    changed_at: datetime


OPEN = frozenset(SubscriptionState) - {SubscriptionState.CANCELLED, SubscriptionState.EXPIRED}
ENTITLED = frozenset(
    {SubscriptionState.TRIALING, SubscriptionState.ACTIVE, SubscriptionState.PAST_DUE, SubscriptionState.GRACE}
)
"""States in which the customer has what they have subscribed to."""
_OPEN: dict[str, Any] = {"state": {"$in": sorted(state.value for state in OPEN)}}


class SubscriptionDocument(StoredDocument, Subscription):
    class Settings:
        name = Subscription.collection
        indexes = [
            IndexModel(
                [(name, ASCENDING) for name in ("organization_id", "customer_id", "plan_id")],
                unique=True,
                partialFilterExpression=_OPEN,
            ),
            IndexModel([("organization_id", ASCENDING), ("_id", ASCENDING)]),
            IndexModel([("customer_id", ASCENDING), ("_id", ASCENDING)]),
            when_due("next_at"),
        ]
