from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bson import ObjectId
from pymongo import ASCENDING, IndexModel

from app.core.privacy import NEUTRAL, keep
from app.core.rows import Value
from app.models.base import StoredDocument, TenantRow
from app.models.webhooks.endpoints import WebhookType

KEPT = timedelta(days=30)


class WebhookDeliveryState(StrEnum):
    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    """It was given up."""


@dataclass(slots=True)
class WebhookAttempt(Value):
    """One request. It has a status and the beginning of an answer, or an error."""

    at: datetime
    milliseconds: int
    status: int | None = None
    answer: str = ""
    error: str = ""


class WebhookDelivery(TenantRow):
    """That an endpoint is told of one event. What is sent is not kept: the change log has it, at `position`.

    There is one for each endpoint and event, and its id follows from theirs.
    """

    collection = "webhook_deliveries"
    policies = {
        "endpoint_id event_id position type key at state tries due replay_id ended_at": NEUTRAL,
        "attempts": keep("it is what the organization's own server has answered, and goes after 30 days"),
    }

    endpoint_id: ObjectId
    event_id: ObjectId
    position: int
    type: WebhookType
    key: ObjectId
    """The thing that it concerns."""
    at: datetime
    """When the event happened."""
    state: WebhookDeliveryState = WebhookDeliveryState.PENDING
    tries: int = 0
    """Attempts that count; those at an endpoint that is known to fail do not."""
    due: datetime | None = None
    """When it is to be tried next, while it is pending."""
    attempts: list[WebhookAttempt] = []
    """The newest of them, the newest last."""
    replay_id: ObjectId | None = None
    """The replay that has asked for it last."""
    ended_at: datetime | None = None


class WebhookDeliveryDocument(StoredDocument, WebhookDelivery):
    class Settings:
        name = WebhookDelivery.collection
        indexes = [
            IndexModel([("organization_id", ASCENDING), ("endpoint_id", ASCENDING), ("_id", ASCENDING)]),
            IndexModel([("endpoint_id", ASCENDING), ("state", ASCENDING), ("due", ASCENDING)]),
            IndexModel([("at", ASCENDING)], expireAfterSeconds=int(KEPT.total_seconds())),
        ]
