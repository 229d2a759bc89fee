"""What meters show, kept window by window, so that a total is one document."""

from dataclasses import dataclass
from datetime import datetime

from bson import ObjectId
from pymongo import ASCENDING, IndexModel

from app.core.privacy import NEUTRAL, PSEUDONYM
from app.core.rows import Value
from app.models.base import StoredDocument, TenantRow
from app.models.billing.customers import CustomerKind


class UsageAccount(TenantRow):
    """Up to when what a customer has used of a meter is final.

    Whatever changes totals writes this row: that puts writers who come together in order.
    """

    collection = "usage_accounts"
    policies = {"customer_id": PSEUDONYM, "meter_id customer_kind closed_until events windows": NEUTRAL}

    meter_id: ObjectId
    customer_kind: CustomerKind
    customer_id: ObjectId
    closed_until: datetime | None = None
    events: int = 0
    windows: int = 0
    """How many totals are kept."""


class UsageAccountDocument(StoredDocument, UsageAccount):
    class Settings:
        name = UsageAccount.collection
        indexes = [
            IndexModel([(name, ASCENDING) for name in ("organization_id", "meter_id", "customer_id")], unique=True)
        ]


@dataclass(slots=True)
class Latest(Value):
    """Where the last event of a window stands among the others."""

    counts_at: datetime
    at: datetime
    transaction_id: str

    @property
    def place(self) -> tuple[datetime, datetime, str]:
        return self.counts_at, self.at, self.transaction_id


@dataclass(slots=True)
class Alert(Value):
    """That it was told that so many per cent of an allowance are used."""

    entitlement_id: ObjectId
    percent: int


class UsageWindow(TenantRow):
    """What a meter shows of a customer from one moment to before another; windows may overlap."""

    collection = "usage_windows"
    policies = {
        "customer_id": PSEUDONYM,
        "meter_id customer_kind starts_at ends_at total events latest alerts": NEUTRAL,
    }

    meter_id: ObjectId
    customer_kind: CustomerKind
    customer_id: ObjectId
    starts_at: datetime
    ends_at: datetime
    total: int = 0
    events: int = 0
    latest: Latest | None = None
    alerts: list[Alert] = []

    def holds(self, moment: datetime) -> bool:
        return self.starts_at <= moment < self.ends_at


class UsageWindowDocument(StoredDocument, UsageWindow):
    class Settings:
        name = UsageWindow.collection
        indexes = [
            IndexModel(
                [(name, ASCENDING) for name in ("organization_id", "meter_id", "customer_id", "ends_at", "starts_at")],
                unique=True,
            )
        ]
