from datetime import datetime, timedelta
from enum import StrEnum

from pymongo import ASCENDING, IndexModel

from app.core.privacy import NEUTRAL, keep
from app.models.base import PlatformRow, StoredDocument
from app.models.billing.customers import Provider

KEPT = timedelta(days=30)


class ProviderEventState(StrEnum):
    RECEIVED = "received"
    APPLIED = "applied"
    PASSED_OVER = "passed_over"
    """It is about nothing that is kept here."""


class ProviderEvent(PlatformRow):
    """What a provider has told, as it told it. It is a reason to ask the provider how things are, and no more."""

    collection = "provider_events"
    policies = {
        "provider event_ref type state received_at handled_at": NEUTRAL,
        "object_ref account_ref": keep("it is a name of the provider's, and goes after 30 days"),
        "body": keep("it is evidence of what the provider has told, and goes after 30 days"),
    }

    provider: Provider
    event_ref: str
    type: str
    object_ref: str = ""
    account_ref: str = ""
    """Whose account at the provider it happened in; empty for the platform's."""
    body: bytes
    state: ProviderEventState = ProviderEventState.RECEIVED
    received_at: datetime
    handled_at: datetime | None = None


class ProviderEventDocument(StoredDocument, ProviderEvent):
    class Settings:
        name = ProviderEvent.collection
        indexes = [
            IndexModel([("provider", ASCENDING), ("event_ref", ASCENDING)], unique=True),
            IndexModel([("received_at", ASCENDING)], expireAfterSeconds=int(KEPT.total_seconds())),
        ]
