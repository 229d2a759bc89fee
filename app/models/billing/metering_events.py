"""What happens to meters, to what is measured, to what customers may use, and to tax profiles."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from bson import ObjectId

from app.core.changes import Event, OfUser


@dataclass(frozen=True, kw_only=True)
class MeterCreated(Event):
    meter: ObjectId
    key: str


@dataclass(frozen=True, kw_only=True)
class MeterArchived(Event):
    meter: ObjectId


@dataclass(frozen=True, kw_only=True)
class OfCustomer:
    """What events of one customer's bill have besides, and the feed of that bill."""

    customer_kind: str
    customer: ObjectId

    def feeds(self) -> Iterable[str]:
        return [f"w:{self.customer}"]


@dataclass(frozen=True, kw_only=True)
class UsageRecorded(OfCustomer, Event):
    """So many events of a meter were counted for a customer; `late` ones in a later window than they happened in."""

    audited = False

    meter: ObjectId
    events: int
    late: int


@dataclass(frozen=True, kw_only=True)
class UsageClosed(OfCustomer, Event):
    """What a customer has used of a meter before this moment is final."""

    meter: ObjectId
    until: datetime


@dataclass(frozen=True, kw_only=True)
class AllowanceReached(OfCustomer, Event):
    """So many per cent of an allowance are used, told once for each window."""

    entitlement: ObjectId
    feature: str
    percent: int
    window: datetime
    """When it began."""


@dataclass(frozen=True, kw_only=True)
class EntitlementGranted(OfCustomer, Event):
    entitlement: ObjectId
    feature: str


@dataclass(frozen=True, kw_only=True)
class AllowanceExtended(OfCustomer, Event):
    """So many units were bought beside an allowance, until it begins anew."""

    entitlement: ObjectId
    feature: str
    quantity: int


@dataclass(frozen=True, kw_only=True)
class EntitlementEnded(OfCustomer, Event):
    entitlement: ObjectId
    feature: str


@dataclass(frozen=True, kw_only=True)
class PersonTaxProfileChanged(OfUser, Event):
    pass


@dataclass(frozen=True, kw_only=True)
class OrganizationTaxProfileChanged(Event):
    pass


@dataclass(frozen=True, kw_only=True)
class TaxExemptionGranted(OfCustomer, Event):
    exemption: ObjectId


@dataclass(frozen=True, kw_only=True)
class TaxExemptionEnded(OfCustomer, Event):
    exemption: ObjectId
