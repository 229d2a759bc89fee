from datetime import datetime
from enum import StrEnum

from bson import ObjectId
from pymongo import ASCENDING, IndexModel

from app.core.privacy import NEUTRAL, PSEUDONYM, keep
from app.models.base import StoredDocument, TenantRow
from app.models.billing.customers import CustomerKind


class EntitlementKind(StrEnum):
    BOOLEAN = "boolean"
    """They may, or not."""
    STATIC = "static"
    """They may what a text says, such as a number of projects."""
    METERED = "metered"
    """They may so much of what a meter measures."""


class Renewal(StrEnum):
    """How often an allowance begins anew."""

    DAILY = "daily"
    MONTHLY = "monthly"
    YEARLY = "yearly"


class Entitlement(TenantRow):
    """What a customer of a seller may use, from one moment to before another.

    `reference` names what has given it, such as `Subscription_<id>`. A metered one has an `allowance`, which begins
    anew with each renewal, counted from `starts_at`; where there is `overage`, more can be used and is billed. What a
    plan allows has no renewal: it is given anew, from another `starts_at`, and `renews_at` says when.

    `extra` units were bought beside the allowance, for the stretch of it that began at `extra_for`.
    """

    collection = "entitlements"
    policies = {
        "customer_id": PSEUDONYM,
        "feature value": keep("it is what was sold"),
        "customer_kind kind meter_id allowance renewal overage starts_at ends_at reference": NEUTRAL,
        "renews_at extra extra_for": NEUTRAL,
        "created_at changed_at version": NEUTRAL,
    }
    audited = frozenset({"value", "allowance", "extra", "ends_at"})

    customer_kind: CustomerKind
    customer_id: ObjectId
    feature: str
    kind: EntitlementKind
    value: str | None = None
    meter_id: ObjectId | None = None
    allowance: int | None = None
    renewal: Renewal | None = None
    overage: bool = False
    extra: int = 0
    extra_for: datetime | None = None
    starts_at: datetime
    ends_at: datetime | None = None
    renews_at: datetime | None = None
    reference: str = ""
    created_at: datetime
    changed_at: datetime
    version: int = 1


class EntitlementDocument(StoredDocument, Entitlement):
    class Settings:
        name = Entitlement.collection
        indexes = [
            IndexModel([(name, ASCENDING) for name in ("organization_id", "customer_id", "feature")], unique=True),
            IndexModel([(name, ASCENDING) for name in ("organization_id", "meter_id", "customer_id")]),
            IndexModel([("organization_id", ASCENDING), ("_id", ASCENDING)]),
            IndexModel([("organization_id", ASCENDING), ("reference", ASCENDING)]),
        ]
