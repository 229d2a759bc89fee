"""What is sold by subscription: plans, and the prices at which they are sold."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from bson import ObjectId
from pymongo import ASCENDING, IndexModel

from app.core.privacy import NEUTRAL, keep
from app.core.rows import Value
from app.models.base import DoorRow, StoredDocument


class Interval(StrEnum):
    """What periods are counted in."""

    DAY = "day"
    MONTH = "month"
    YEAR = "year"


class PricingModel(StrEnum):
    """How an amount follows from a quantity."""

    FLAT = "flat"
    """The same for any quantity but none."""
    PER_UNIT = "per_unit"
    PACKAGE = "package"
    """For each package begun, such as 1,000 calls."""
    GRADUATED = "graduated"
    """Each unit at the price of the tier in which it is."""
    VOLUME = "volume"
    """All units at the price of the tier in which the last one is."""


class Proration(StrEnum):
    """By what a fee is divided when a subscription changes within a period."""

    SECONDS = "seconds"
    DAYS = "days"
    """Days of the calendar in the seller's time zone; the day of the change belongs to what follows."""
    NONE = "none"


class PlanState(StrEnum):
    ACTIVE = "active"
    ARCHIVED = "archived"
    """Who has it keeps it; nobody else gets it."""


@dataclass(slots=True)
class PriceTier(Value):
    """Units up to a number, or all further ones: minor units for each, and once for the tier."""

    up_to: int | None
    unit_amount: int
    flat_amount: int = 0


@dataclass(slots=True)
class Rate(Value):
    """How a quantity is priced; `amount` in minor units is for all, a unit or a package."""

    model: PricingModel
    amount: int = 0
    package_size: int = 1
    tiers: list[PriceTier] = field(default_factory=list)


@dataclass(slots=True)
class MeteredComponent(Value):
    """What is used of a meter in a period: `included` units are in the fee, the rest is billed when it ends."""

    meter_id: ObjectId
    name: str
    rate: Rate
    included: int


@dataclass(slots=True)
class PlanAllowance(Value):
    """So much of what a meter measures, in each period of a subscription: None for any amount."""

    feature: str
    meter_id: ObjectId
    amount: int | None
    by_seat: bool = False
    """Whether each seat has so much."""
    overage: bool = False


class Plan(DoorRow):
    """Something that people or organizations subscribe to. `tier` is what an organization gets by it from the platform.

    Days: of the trial, within which an invoice is to be paid, and of grace before access ends.
    """

    collection = "plans"
    policies = {
        "name description": keep("it is the organization's, whoever has made it"),
        "key tier trial_days payment_days grace_days proration allowances state created_at changed_at version": NEUTRAL,
    }
    audited = frozenset({"name", "state", "tier"})

    key: str
    name: str
    description: str = ""
    tier: str | None = None
    trial_days: int = 0
    payment_days: int = 14
    grace_days: int = 7
    proration: Proration = Proration.SECONDS
    allowances: list[PlanAllowance] = []
    state: PlanState = PlanState.ACTIVE
    created_at: datetime
    changed_at: datetime
    version: int = 1


class PlanDocument(StoredDocument, Plan):
    class Settings:
        name = Plan.collection
        indexes = [
            IndexModel([("organization_id", ASCENDING), ("key", ASCENDING)], unique=True),
            IndexModel([("organization_id", ASCENDING), ("_id", ASCENDING)]),
        ]


class Price(DoorRow):
    """What a plan costs in a currency for so many intervals. It is never edited: a newer `version` takes its place for
    those who come later, and who subscribes at it keeps it.
    """

    collection = "prices"
    policies = {
        "plan_id currency interval interval_count rate components version created_at superseded_at": NEUTRAL,
    }

    plan_id: ObjectId
    currency: str
    interval: Interval
    interval_count: int
    rate: Rate
    """Of the fee, by seats."""
    components: list[MeteredComponent] = []
    version: int
    created_at: datetime
    superseded_at: datetime | None = None


class PriceDocument(StoredDocument, Price):
    class Settings:
        name = Price.collection
        indexes = [
            IndexModel(
                [
                    (name, ASCENDING)
                    for name in ("organization_id", "plan_id", "currency", "interval", "interval_count", "version")
                ],
                unique=True,
            ),
            IndexModel([("organization_id", ASCENDING), ("_id", ASCENDING)]),
        ]
