"""What customers have used: events taken in once each, and exact totals of any window.

An event counts in the window in which it happened until that window is closed. One that comes after that counts in the
next, from its first moment on, and says so. Totals are whole numbers, kept as events come in: to read one is to read a
document, and the same events come to the same totals in whatever order and however often they are sent.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

import orjson
from bson import ObjectId
from pydantic import Field

from app.core import changes
from app.core.actor import Actor
from app.core.clock import new_id, now
from app.core.commands import Command, Moment
from app.core.errors import Conflict, Invalid, NotFound
from app.core.money import Minor
from app.core.paging import Page, PageArgs
from app.core.rows import Value
from app.models import (
    Buyer,
    Meter,
    MeterState,
    UsageAccount,
    UsageEvent,
    UsageEventDocument,
    UsageProperty,
)
from app.models.billing.metering_events import UsageClosed
from app.services.billing import buyers
from app.services.billing.buyers import BuyerId
from app.services.billing.metering import usage_windows
from app.services.billing.metering.allowances import Stretch
from app.services.billing.metering.meters import Key

BATCH = 100
"""Events in one call."""
LARGEST = 10**12
"""Of one event."""
AHEAD = timedelta(minutes=5)
"""By which the clock of who measures may be ahead."""
LONGEST = timedelta(days=366)
"""For which totals are shown that nobody bills by."""


class TransactionReused(Conflict):
    """The id was used before for another event."""

    code = "TRANSACTION_REUSED"


class MeterOver(Conflict):
    """The meter is archived."""

    code = "METER_ARCHIVED"


class FromTheFuture(Invalid):
    """It has not happened yet."""

    code = "FROM_THE_FUTURE"


class NotOver(Conflict):
    """The window has not ended."""

    code = "WINDOW_NOT_OVER"


class PropertyGiven(Command):
    """Something that is known of an event."""

    name: Key
    value: Annotated[str, Field(max_length=200)]


class UsageGiven(Command):
    """That a customer has used something."""

    transaction_id: Annotated[
        str, Field(min_length=1, max_length=100, description="Chosen by who measures: the same id is the same event.")
    ]
    meter: Annotated[Key, Field(description="The key of a meter.")]
    customer_id: BuyerId
    at: Annotated[Moment | None, Field(description="When it happened; now if left out.")] = None
    quantity: Annotated[Minor, Field(ge=0, le=LARGEST, description="A whole number; 1 if left out.")] = Minor(1)
    properties: Annotated[list[PropertyGiven], Field(max_length=20)] = []

    @property
    def digest(self) -> bytes:
        """Of everything that was sent but the id."""
        known = sorted((one.name, one.value) for one in self.properties)
        said = [self.meter, str(self.customer_id.id), self.at, self.quantity, known]
        return hashlib.sha256(orjson.dumps(said, option=orjson.OPT_UTC_Z)).digest()


class UsageBatch(Command):
    """Events, all of which are taken in or none."""

    events: Annotated[list[UsageGiven], Field(min_length=1, max_length=BATCH)]


class Outcome(StrEnum):
    COUNTED = "counted"
    LATE = "late"
    """Its window was closed already: it counts in the next."""
    DUPLICATE = "duplicate"
    """It came before, and counts once."""


@dataclass(slots=True)
class UsageTaken(Value):
    """What became of an event, and from which moment on it counts."""

    transaction_id: str
    outcome: Outcome
    counts_at: datetime


@dataclass(slots=True)
class UsageReceipt(Value):
    """What became of events, in the order in which they were given."""

    events: list[UsageTaken]


@dataclass(slots=True)
class MeterUsage(Value):
    """What a meter shows of a customer from one moment to before another."""

    meter: Meter
    total: int
    starts_at: datetime
    ends_at: datetime


_Group = tuple[ObjectId, Buyer]


async def record(actor: Actor, given: UsageBatch) -> UsageReceipt:
    """Take in events. Raises NotFound, MeterOver, TransactionReused, FromTheFuture or OutOfRange."""
    async with buyers.turn(actor, [one.customer_id for one in given.events]):
        return await _record(actor, given)


@changes.atomic
async def _record(actor: Actor, given: UsageBatch) -> UsageReceipt:
    meters = await _meters(actor, given.events)
    await buyers.must_be_known(actor, {one.customer_id for one in given.events}, ["input", "events"])
    ids = [one.transaction_id for one in given.events]
    known = {row.transaction_id: row for row in await UsageEvent.select(actor, {"transaction_id": {"$in": ids}})}
    fresh: dict[_Group, list[UsageEventDocument]] = {}
    moment, order = now(), list[tuple[UsageEvent, bool]]()
    for n, one in enumerate(given.events):
        seen = known.get(one.transaction_id)
        if seen is not None and seen.digest != one.digest:
            path = ["input", "events", str(n), "transactionId"]
            raise TransactionReused("Another event came with this id.", path=path)
        row = seen or _row(actor, one, meters[one.meter], moment, n)
        order.append((row, seen is not None))
        if seen is None:
            assert isinstance(row, UsageEventDocument)
            known[one.transaction_id] = row
            fresh.setdefault((row.meter_id, one.customer_id), []).append(row)
    by_id = {meter.id: meter for meter in meters.values()}
    for (meter_id, customer), rows in sorted(fresh.items(), key=lambda one: (one[0][0], one[0][1].id)):
        await usage_windows.count(actor, by_id[meter_id], customer, rows)
    return UsageReceipt([_taken(row, duplicate) for row, duplicate in order])


async def total(actor: Actor, meter_id: ObjectId, customer_id: ObjectId, starts_at: datetime, ends_at: datetime) -> int:
    """What a meter shows of a customer from one moment to before another, exactly; it is kept from then on.

    The actor is in the seller's organization. Raises NotFound for a meter that is not theirs.
    """
    window = await usage_windows.find(actor, meter_id, customer_id, Stretch(starts_at, ends_at))
    return window.total if window else await _first_total(actor, meter_id, customer_id, Stretch(starts_at, ends_at))


@changes.atomic
async def _first_total(actor: Actor, meter_id: ObjectId, customer_id: ObjectId, during: Stretch) -> int:
    meter = await Meter.require(actor, meter_id)
    account = await UsageAccount.lookup(actor, meter_id=meter_id, customer_id=customer_id)
    if account is None:  # they have used nothing yet, and there is nothing to keep
        return 0
    return (await usage_windows.kept(actor, meter, account, during)).total


@changes.atomic
async def close(actor: Actor, meter_id: ObjectId, customer: Buyer, starts_at: datetime, ends_at: datetime) -> int:
    """Let what was used before `ends_at` be final, and answer what it was since `starts_at`; again, the same.

    What comes later counts in the next window. Raises NotOver, and NotFound for a meter that is not the seller's.
    """
    if ends_at > now():
        raise NotOver("This window has not ended yet.")
    meter = await Meter.require(actor, meter_id)
    account = await usage_windows.account_of(actor, meter.id, customer)
    window = await usage_windows.kept(actor, meter, account, Stretch(starts_at, ends_at))
    if account.closed_until is None or account.closed_until < ends_at:
        told = UsageClosed(
            actor, meter=meter_id, until=ends_at, customer_kind=customer.kind.value, customer=customer.id
        )
        await usage_windows.touch(actor, account, {"$set": {"closed_until": ends_at}}, told)
    return window.total


@changes.atomic
async def settled(actor: Actor, meter: Meter, customer: Buyer, during: Stretch) -> int:
    """What a meter shows of a customer, in a scope that no event can slip by: all are before it or after it."""
    account = await usage_windows.account_of(actor, meter.id, customer)
    await usage_windows.touch(actor, account, {"$inc": {"windows": 1}})
    return (await usage_windows.kept(actor, meter, account, during)).total


async def shown(actor: Actor, customer: Buyer, starts_at: datetime, ends_at: datetime) -> list[MeterUsage]:
    """What each of the seller's meters shows of a customer; nothing of this is kept. Raises Invalid and NotFound."""
    if not timedelta(0) < ends_at - starts_at <= LONGEST:
        raise Invalid("Ask for a stretch of {days} days at most, which ends after it begins.", days=LONGEST.days)
    await buyers.must_be_known(actor, [customer], ["customerId"])
    of = customer.id, starts_at, ends_at
    return [
        MeterUsage(meter, await peeked(actor, meter.id, *of), starts_at, ends_at) for meter in await Meter.select(actor)
    ]


async def peeked(
    actor: Actor, meter_id: ObjectId, customer_id: ObjectId, starts_at: datetime, ends_at: datetime
) -> int:
    """The same as `total`, of which nothing is kept."""
    window = await usage_windows.find(actor, meter_id, customer_id, Stretch(starts_at, ends_at))
    if window:
        return window.total
    meter = await Meter.require(actor, meter_id)
    return (await UsageEvent.measured(actor, meter, customer_id, starts_at, ends_at))[0]


async def known(actor: Actor, transaction_id: str) -> UsageEvent | None:
    """The event that has come with this id."""
    return await UsageEvent.lookup(actor, transaction_id=transaction_id)


async def find(actor: Actor, id: ObjectId) -> UsageEvent | None:
    return await UsageEvent.lookup(actor, _id=id)


async def newest(
    actor: Actor, page: PageArgs, customer_id: ObjectId | None = None, meter_id: ObjectId | None = None
) -> Page[UsageEvent]:
    """The events of the seller, of one customer or one meter if they are named; those first that came last."""
    given = {"customer_id": customer_id, "meter_id": meter_id}
    return await UsageEvent.page(actor, page, {name: id for name, id in given.items() if id})


async def _meters(actor: Actor, given: Sequence[UsageGiven]) -> Mapping[str, Meter]:
    keys = {one.meter for one in given}
    found = {meter.key: meter for meter in await Meter.select(actor, {"key": {"$in": sorted(keys)}})}
    for n, one in enumerate(given):
        path, meter = ["input", "events", str(n), "meter"], found.get(one.meter)
        if meter is None:
            raise NotFound("There is no such {kind}.", kind="Meter", path=path)
        if meter.state is MeterState.ARCHIVED:
            raise MeterOver("This meter takes no events any more.", path=path)
    return found


def _row(actor: Actor, given: UsageGiven, meter: Meter, moment: datetime, n: int) -> UsageEventDocument:
    assert actor.organization_id
    at = given.at or moment
    if at > moment + AHEAD:
        raise FromTheFuture("This has not happened yet.", path=["input", "events", str(n), "at"])
    properties = [UsageProperty(one.name, one.value) for one in given.properties]
    value = next((one.value for one in properties if one.name == meter.property), None)
    if meter.property and value is None:
        path = ["input", "events", str(n), "properties"]
        raise Invalid("Events of this meter have the property “{name}”.", path=path, name=meter.property)
    return UsageEventDocument(
        id=new_id(),
        organization_id=actor.organization_id,
        transaction_id=given.transaction_id,
        meter_id=meter.id,
        customer_kind=given.customer_id.kind,
        customer_id=given.customer_id.id,
        at=at,
        counts_at=at,
        quantity=given.quantity,
        value=value,
        properties=properties,
        digest=given.digest,
        received_at=moment,
    )


def _taken(row: UsageEvent, duplicate: bool) -> UsageTaken:
    outcome = Outcome.DUPLICATE if duplicate else Outcome.LATE if row.late else Outcome.COUNTED
    return UsageTaken(row.transaction_id, outcome, row.counts_at)
