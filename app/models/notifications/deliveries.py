from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import bson
from bson import ObjectId
from pymongo import ASCENDING, DESCENDING, IndexModel

from app.core import seals
from app.core.clock import FIRST_ID
from app.core.privacy import ERASE, NEUTRAL, PSEUDONYM, SECRET, Subject
from app.models.base import DoorRow, StoredDocument

KEPT = timedelta(days=90)
"""How long it is known after its last change."""
PLATFORM_ID = ObjectId("000000000000000000000001")
"""The organization of what the platform sends by itself: no other has this id."""
_SEAL = "deliveries"


class Channel(StrEnum):
    EMAIL = "email"
    PUSH = "push"
    WEB_PUSH = "web_push"
    SMS = "sms"
    SLACK = "slack"
    TEAMS = "teams"


class DeliveryPriority(StrEnum):
    """Who overtakes whom."""

    URGENT = "urgent"
    """Somebody waits for it, for a code or a link: it goes even to an address that is suppressed."""
    NORMAL = "normal"
    BULK = "bulk"
    """One of many alike, which people may want to have no more of."""


class DeliveryState(StrEnum):
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    """A provider has taken it."""
    DELIVERED = "delivered"
    """The provider says that it has arrived."""
    BOUNCED = "bounced"
    """There is no such address, or it takes nothing."""
    COMPLAINED = "complained"
    """It has arrived, and its receiver calls it spam."""
    FAILED = "failed"
    """It was given up, for the reason that it names."""
    SUPPRESSED = "suppressed"
    """It was not sent, for its receiver wants none, or can have none."""
    CANCELLED = "cancelled"


class Delivery(DoorRow):
    """Something that goes out to one address.

    `kind` says what it is about. What it says is `content`: the variables of `template`, or, without one, words that
    the carrier of its channel knows what to do with. That is sealed, for it may hold a secret, and forgotten as soon
    as it was sent.
    """

    collection = "deliveries"
    data_subjects = (Subject("user_id", whole=True), Subject("address", whole=True))
    policies = {
        "address reason": ERASE,
        "sealed": SECRET,
        "user_id": PSEUDONYM,
        "channel kind template locale priority state due_at expires_at cancel_key campaign_id tracked": NEUTRAL,
        "attempts doubts job_id provider provider_id opened_at clicked_at created_at changed_at": NEUTRAL,
    }

    channel: Channel
    kind: str
    user_id: ObjectId | None = None
    address: str
    template: str | None = None
    locale: str = "en"
    sealed: bytes
    priority: DeliveryPriority = DeliveryPriority.NORMAL
    state: DeliveryState = DeliveryState.QUEUED
    due_at: datetime
    expires_at: datetime | None = None
    """From when on it is of no use."""
    cancel_key: str | None = None
    """By which it is cancelled together with others."""
    campaign_id: ObjectId | None = None
    tracked: bool = False
    """Whether its receiver has agreed that it is noticed when they open it."""
    attempts: int = 0
    doubts: int = 0
    """Attempts of which nobody knows whether a provider took it: each may have made another copy."""
    job_id: str | None = None
    """Whose attempt was the last."""
    provider: str | None = None
    provider_id: str | None = None
    """What the provider calls it."""
    reason: str = ""
    opened_at: datetime | None = None
    clicked_at: datetime | None = None
    created_at: datetime
    changed_at: datetime

    @property
    def content(self) -> dict[str, Any]:
        """What it says, until it was sent."""
        return bson.decode(seals.unseal(_SEAL, self.sealed)) if self.sealed else {}


class DeliveryDocument(StoredDocument, Delivery):
    class Settings:
        name = Delivery.collection
        indexes = [
            IndexModel([("organization_id", ASCENDING), ("_id", DESCENDING)]),
            IndexModel(
                [("user_id", ASCENDING), ("created_at", ASCENDING)],
                partialFilterExpression={"user_id": {"$gt": FIRST_ID}},
            ),
            IndexModel([("address", ASCENDING)]),
            IndexModel(
                [("organization_id", ASCENDING), ("cancel_key", ASCENDING), ("state", ASCENDING)],
                partialFilterExpression={"cancel_key": {"$gt": ""}},
            ),
            IndexModel(
                [("organization_id", ASCENDING), ("campaign_id", ASCENDING), ("state", ASCENDING)],
                partialFilterExpression={"campaign_id": {"$gt": FIRST_ID}},
            ),
            IndexModel([("changed_at", ASCENDING)], expireAfterSeconds=int(KEPT.total_seconds())),
        ]


def sealed(content: Mapping[str, Any]) -> bytes:
    """How a delivery keeps what it says."""
    return seals.seal(_SEAL, bson.encode(content))
