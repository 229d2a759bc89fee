"""What was used, event by event. The rows are never changed: a bill can be explained by them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from bson import ObjectId
from pymongo import ASCENDING, DESCENDING, IndexModel

from app.core import changes, database
from app.core.actor import Actor
from app.core.money import OutOfRange
from app.core.paging import Order
from app.core.privacy import NEUTRAL, PSEUDONYM, keep
from app.core.rows import Value
from app.models.base import StoredDocument, TenantRow
from app.models.billing.customers import CustomerKind
from app.models.billing.meters import Aggregation, Meter


@dataclass(slots=True)
class UsageProperty(Value):
    name: str
    value: str


LATEST = Order(("counts_at", "at", "transaction_id"))
"""Which event is the last: of those that count from one moment, the one that happened last."""


class UsageEvent(TenantRow):
    """That a customer has used so much of what a meter measures.

    It counts in the windows that hold `counts_at`: when it happened, or when the next window begins where the one it
    happened in was closed before the event came. `value` is that of the property of which the meter counts those that
    differ; `digest` is of what was sent, so that another event cannot come under the same `transaction_id`.
    """

    collection = "usage_events"
    policies = {
        "transaction_id properties value": keep("a bill has to be explained by what was used"),
        "customer_id": PSEUDONYM,
        "meter_id customer_kind at counts_at quantity digest received_at": NEUTRAL,
    }

    transaction_id: str
    meter_id: ObjectId
    customer_kind: CustomerKind
    customer_id: ObjectId
    at: datetime
    counts_at: datetime
    quantity: int
    value: str | None = None
    properties: list[UsageProperty] = []
    digest: bytes
    received_at: datetime

    @property
    def late(self) -> bool:
        """Whether it came when the window in which it happened was closed."""
        return self.counts_at != self.at

    @classmethod
    async def measured(
        cls, actor: Actor, meter: Meter, customer_id: ObjectId, starts_at: datetime, ends_at: datetime
    ) -> tuple[int, int]:
        """What the meter shows of a customer's events in a window, and how many events these are."""
        where = cls.within(
            actor, meter_id=meter.id, customer_id=customer_id, counts_at={"$gte": starts_at, "$lt": ends_at}
        )
        if meter.aggregation is Aggregation.UNIQUE:
            found = await _aggregated(where, {"_id": "$value", "events": {"$sum": 1}})
            return len(found), sum(one["events"] for one in found)
        group = {"_id": None, "events": {"$sum": 1}, "sum": {"$sum": "$quantity"}, "max": {"$max": "$quantity"}}
        counted = next(iter(await _aggregated(where, group)), None)
        if counted is None:
            return 0, 0
        events: int = counted["events"]
        if meter.aggregation is Aggregation.COUNT:
            return events, events
        if meter.aggregation is Aggregation.LATEST:
            last = await cls.last(actor, meter.id, customer_id, starts_at, ends_at)
            return (last.quantity if last else 0), events
        shown = counted[meter.aggregation.value]
        if not isinstance(shown, int):  # MongoDB makes a fraction of what 64 bits do not hold
            raise OutOfRange("The amount is too large.")
        return shown, events

    @classmethod
    async def last(
        cls, actor: Actor, meter_id: ObjectId, customer_id: ObjectId, starts_at: datetime, ends_at: datetime
    ) -> Self | None:
        """The last of a customer's events in a window."""
        where = {"counts_at": {"$gte": starts_at, "$lt": ends_at}, "meter_id": meter_id, "customer_id": customer_id}
        return next(iter(await cls.select(actor, where, order=LATEST, limit=1)), None)

    @classmethod
    async def values(
        cls,
        actor: Actor,
        meter_id: ObjectId,
        customer_id: ObjectId,
        among: Iterable[str | None],
        starts_at: datetime,
        ends_at: datetime,
    ) -> set[str | None]:
        """Those of the values that a customer's events in a window have already."""
        where = cls.within(
            actor,
            meter_id=meter_id,
            customer_id=customer_id,
            value={"$in": list(among)},
            counts_at={"$gte": starts_at, "$lt": ends_at},
        )
        return {one["_id"] for one in await _aggregated(where, {"_id": "$value"})}


async def _aggregated(where: Mapping[str, Any], group: Mapping[str, Any]) -> list[dict[str, Any]]:
    stored = database.collection(UsageEvent.collection)
    pipeline = [{"$match": where}, {"$group": group}]
    return await (await stored.aggregate(pipeline, session=changes.session())).to_list()


_CUSTOMER = [(name, ASCENDING) for name in ("organization_id", "meter_id", "customer_id")]


class UsageEventDocument(StoredDocument, UsageEvent):
    class Settings:
        name = UsageEvent.collection
        indexes = [
            IndexModel([("organization_id", ASCENDING), ("transaction_id", ASCENDING)], unique=True),
            IndexModel(
                [*_CUSTOMER, ("counts_at", DESCENDING), ("at", DESCENDING), ("transaction_id", DESCENDING)],
            ),
            IndexModel(
                [*_CUSTOMER, ("value", ASCENDING), ("counts_at", ASCENDING)],
                partialFilterExpression={"value": {"$gte": ""}},
            ),
            IndexModel([("organization_id", ASCENDING), ("customer_id", ASCENDING), ("_id", DESCENDING)]),
            IndexModel([("organization_id", ASCENDING), ("_id", DESCENDING)]),
        ]
