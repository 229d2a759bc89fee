from datetime import datetime
from enum import StrEnum

from pymongo import ASCENDING, IndexModel

from app.core.privacy import NEUTRAL, keep
from app.models.base import StoredDocument, TenantRow


class Aggregation(StrEnum):
    """How the events of a window become one number."""

    COUNT = "count"
    """How many there are."""
    SUM = "sum"
    """Their quantities together."""
    MAX = "max"
    """The largest quantity."""
    UNIQUE = "unique"
    """How many different values a property has in them."""
    LATEST = "latest"
    """The quantity of the last one, by when it happened."""


class MeterState(StrEnum):
    ACTIVE = "active"
    ARCHIVED = "archived"
    """It takes no events any more; what was measured stays."""


class Meter(TenantRow):
    """What a seller measures of the use of what they sell; `key` is how events name it."""

    collection = "meters"
    policies = {
        "key name unit property": keep("it is the organization's, whoever has made it"),
        "aggregation state created_at changed_at": NEUTRAL,
    }
    audited = frozenset({"state"})

    key: str
    name: str
    unit: str
    aggregation: Aggregation
    property: str | None = None
    """Of whose values those that differ are counted, where that is the aggregation."""
    state: MeterState = MeterState.ACTIVE
    created_at: datetime
    changed_at: datetime


class MeterDocument(StoredDocument, Meter):
    class Settings:
        name = Meter.collection
        indexes = [
            IndexModel([("organization_id", ASCENDING), ("key", ASCENDING)], unique=True),
            IndexModel([("organization_id", ASCENDING), ("_id", ASCENDING)]),
        ]
