"""What organizations use of the platform: API calls, storage and seats, measured by meters of the platform's own.

Each process counts the calls that it answers and records them once in a while, by events whose ids it keeps until it
knows that they were taken in: a call is billed once or, if the process is killed meanwhile, never. Storage and seats
are looked at once a day.
"""

import asyncio
import secrets
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import count

import structlog
from bson import ObjectId
from pymongo.errors import PyMongoError

from app.core import quotas
from app.core.actor import Actor
from app.core.clock import FIRST_ID, now
from app.core.errors import AppError
from app.core.money import Minor
from app.core.paging import OLDEST
from app.core.rows import Value
from app.core.settings import settings
from app.models import (
    PLATFORM_ID,
    Aggregation,
    Buyer,
    CustomerKind,
    Organization,
    OrganizationState,
    UsageEvent,
)
from app.services.billing.metering import meters, usage
from app.services.billing.metering.meters import NewMeter
from app.services.billing.metering.usage import BATCH, UsageBatch, UsageGiven
from app.services.media import files
from app.services.organizations.seats import SEATS

SELLER = Actor.platform(PLATFORM_ID)
API_CALLS = NewMeter(key="api_calls", name="API calls", unit="request", aggregation=Aggregation.SUM)
STORAGE = NewMeter(key="storage", name="Storage", unit="byte", aggregation=Aggregation.LATEST)
SEATS_TAKEN = NewMeter(key="seats", name="Seats", unit="seat", aggregation=Aggregation.LATEST)
PLACES = 100
"""Organizations that are looked at together."""

LAST = 3
"""Seconds that a process which stops takes for its last calls."""

_log = structlog.stdlib.get_logger(__name__)


@dataclass(slots=True)
class OrganizationUse(Value):
    """How much of something an organization uses, of how much (None: as much as it likes), since when (None: now)."""

    key: str
    name: str
    unit: str
    used: int
    limit: int | None
    since: datetime | None


class Calls:
    """The calls that this process has answered and not recorded yet."""

    def __init__(self) -> None:
        self._counted = Counter[ObjectId]()
        self._sent: list[UsageBatch] = []
        """Of which it is not known that they were taken in."""
        self._name, self._numbers = secrets.token_hex(8), count()

    def note(self, organization_id: ObjectId | None) -> None:
        """Count a call of somebody in an organization."""
        if organization_id is not None:
            self._counted[organization_id] += 1

    async def record(self) -> int:
        """Record what was counted, and answer how many calls that were. What fails is sent again, and counts once."""
        counted, self._counted = self._counted, Counter()
        moment = now()
        events = [
            UsageGiven(
                transaction_id=f"calls:{self._name}:{next(self._numbers)}",
                meter=API_CALLS.key,
                customer_id=Buyer(CustomerKind.ORGANIZATION, organization_id),
                at=moment,
                quantity=Minor(times),
            )
            for organization_id, times in sorted(counted.items())
        ]
        self._sent += [UsageBatch(events=events[n : n + BATCH]) for n in range(0, len(events), BATCH)]
        if self._sent:
            await meters.ensure(SELLER, API_CALLS)
        recorded = 0
        while self._sent:
            await usage.record(SELLER, self._sent[0])
            recorded += sum(one.quantity for one in self._sent.pop(0).events)
        return recorded


CALLS = Calls()


async def beat() -> None:
    """Record calls once in a while, for ever, and what is left at the end."""
    try:
        while True:
            await asyncio.sleep(settings().usage_seconds)
            await _record()
    finally:
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST):
                await _record()


async def _record() -> None:
    try:
        await CALLS.record()
    except (AppError, PyMongoError):  # the next time, then
        _log.warning("usage.calls_not_recorded", exc_info=True)


async def sample(day: datetime) -> int:
    """Record what each organization has of storage and seats, once a day; answers how many were looked at."""
    for meter in (API_CALLS, STORAGE, SEATS_TAKEN):
        await meters.ensure(SELLER, meter)
    looked, after = 0, FIRST_ID
    active = {"state": {"$ne": OrganizationState.DELETED.value}}
    while rows := await Organization.select(
        Actor.platform(), {**active, "_id": {"$gt": after}}, fields=frozenset(), order=OLDEST, limit=PLACES
    ):
        await _sample([row.id for row in rows], day)
        looked, after = looked + len(rows), rows[-1].id
    return looked


async def _sample(ids: Sequence[ObjectId], day: datetime) -> None:
    names = {(id, key): f"{key}:{id}:{day:%Y-%m-%d}" for id in ids for key in (STORAGE.key, SEATS_TAKEN.key)}
    done = {
        row.transaction_id
        for row in await UsageEvent.select(
            SELLER, {"transaction_id": {"$in": list(names.values())}}, fields=frozenset({"transaction_id"})
        )
    }
    events = []
    for (id, key), name in names.items():
        if name not in done:
            inside = Actor.platform(id)
            used = await files.stored(inside) if key == STORAGE.key else (await quotas.usage(inside, SEATS)).used
            customer = Buyer(CustomerKind.ORGANIZATION, id)
            events.append(
                UsageGiven(transaction_id=name, meter=key, customer_id=customer, at=day, quantity=Minor(used))
            )
    for n in range(0, len(events), BATCH):
        await usage.record(SELLER, UsageBatch(events=events[n : n + BATCH]))
    calls, month = await meters.ensure(SELLER, API_CALLS), _month(day)
    for id in ids:  # so that the month's total is there to be read
        await usage.total(SELLER, calls.id, id, *month)


async def of(actor: Actor) -> list[OrganizationUse]:
    """What the actor's organization uses: calls of this month, storage and seats as they are now."""
    assert actor.organization_id
    inside, month = Actor.platform(actor.organization_id), _month(now())
    calls = await meters.by_key(SELLER, API_CALLS.key)
    called = await usage.peeked(SELLER, calls.id, actor.organization_id, *month) if calls else 0
    seats = await quotas.usage(inside, SEATS)
    return [
        _use(API_CALLS, called, None, month[0]),
        _use(STORAGE, await files.stored(inside), None),
        _use(SEATS_TAKEN, seats.used, seats.limit),
    ]


def _use(meter: NewMeter, used: int, limit: int | None, since: datetime | None = None) -> OrganizationUse:
    return OrganizationUse(meter.key, meter.name, meter.unit, used, limit, since)


def _month(moment: datetime) -> tuple[datetime, datetime]:
    """The month that holds a moment, by UTC."""
    first = moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    year, month = divmod(first.year * 12 + first.month, 12)
    return first, first.replace(year=year, month=month + 1)
