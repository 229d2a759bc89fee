"""Earnings: what people's sales of a month come to, computed on the first of the next and available after a while.

The month is one of the organization's clock. Each person has one earning a month and currency, however often it is
computed; the money goes to them out of revenue in the step that makes it. What is given back later is taken from the
earnings of the month in which it was, which may so come to less than nothing.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from bson import ObjectId

from app.core import changes
from app.core.actor import Actor
from app.core.clock import new_id, now
from app.core.ledger import Move
from app.core.ledger.turns import in_turn
from app.core.machines import Machine, Transition, only_platform
from app.core.money import Money, fitting
from app.core.paging import Order, Page, PageArgs
from app.core.regions import time_zones
from app.core.rows import Value
from app.models import Earning, EarningDocument, EarningState, HoldReason, Organization, OrganizationState, Sale
from app.models.backlogs import work_off
from app.models.ledger.events import EarningComputed, EarningReleased
from app.services.ledger import books, pay_rules, sales

PLATFORM = Actor.platform()
PENDING, AVAILABLE = EarningState.PENDING, EarningState.AVAILABLE
DUE = Order(("available_at", "_id"), descending=False)
OPEN = [OrganizationState.ACTIVE.value, OrganizationState.SUSPENDED.value]
LATE = 3
"""Days of a month on which the one before is looked at: a worker may have been away."""

EARNING = Machine(Transition("release", frozenset({PENDING}), AVAILABLE, only_platform))


@dataclass(slots=True)
class Sum:
    """What somebody's sales in a stretch of time come to, in one currency."""

    gross: int = 0
    fees: int = 0
    refunded: int = 0
    sales: int = 0
    disputed: bool = False

    @property
    def amount(self) -> int:
        return self.gross - self.fees - self.refunded


@dataclass(slots=True)
class ForecastDay(Value):
    """What becomes available on a day, as far as it is known now; a part of it may still be `expected` only."""

    day: str
    amount: int
    expected: int
    currency: str


@dataclass(frozen=True, slots=True)
class Month:
    """A month of a clock: 2026-11, and the moments at which it begins and ends."""

    name: str
    start: datetime
    end: datetime

    @classmethod
    def of(cls, moment: datetime, zone: ZoneInfo) -> "Month":
        first = moment.astimezone(zone).replace(day=1, hour=0, minute=0, second=0, microsecond=0, fold=0)
        after = (first + timedelta(days=32)).replace(day=1)
        return cls(f"{first:%Y-%m}", first.astimezone(UTC), after.astimezone(UTC))


async def find(actor: Actor, id: ObjectId) -> Earning | None:
    return await Earning.lookup(actor, _id=id)


async def newest(actor: Actor, page: PageArgs) -> Page[Earning]:
    """The actor's, or all for who reads the ledger."""
    return await Earning.page(actor, page)


async def compute_due(moment: datetime) -> int:
    """Compute the last month wherever a new one has begun, and answer how many earnings are new."""
    zones = [name for name in time_zones() if moment.astimezone(ZoneInfo(name)).day <= LATE]
    where = {"time_zone": {"$in": zones}, "state": {"$in": OPEN}}
    made = 0
    for organization in await Organization.select(PLATFORM, where, fields=frozenset({"time_zone"})) if zones else ():
        zone = ZoneInfo(organization.time_zone)
        last = Month.of(Month.of(moment, zone).start - timedelta(days=1), zone)
        made += await compute(Actor.platform(organization.id), last)
    return made


async def compute(actor: Actor, month: Month) -> int:
    """Let everybody have what their sales of a month come to, if they have not yet; answers how many got it."""
    sums = await _sums(actor, month)
    known = {(row.user_id, row.currency) for row in await Earning.select(actor, {"month": month.name})}
    new = [key for key in sums if key not in known]
    for person, currency in new:
        await _earn(actor, month, person, currency)
    return len(new)


async def release_due(moment: datetime) -> int:
    """Let people have what they have waited long enough for, and answer how many earnings that were."""
    where = {
        "state": PENDING.value, "available_at": {"$lte": moment}, "hold_reasons": {"$ne": HoldReason.DISPUTE.value}
    }  # fmt: skip

    async def one(row: Earning) -> None:
        await release(Actor.platform(row.organization_id), row.id)

    return await work_off(Earning, PLATFORM, where, DUE, one)


@in_turn
async def release(actor: Actor, id: ObjectId) -> None:
    """Let somebody have an earning, unless they have it or its sales are disputed."""
    row = await Earning.lookup(actor, _id=id, state=PENDING.value)
    if row is None or HoldReason.DISPUTE in row.hold_reasons or row.available_at > now():
        return
    told = EarningReleased(actor, user=row.user_id, earning=row.id)
    where = {"organization_id": row.organization_id}
    await EARNING.move(actor, row, "release", told, where=where, hold_reasons=[])
    moves = [
        Move(books.PENDING_EARNINGS, row.user_id, -row.amount, row.currency),
        *await books.giving(actor, books.EARNINGS, row.user_id, Money(row.amount, row.currency)),
    ]
    await books.move(actor, f"earning:{row.id}:released", "earnings.released", f"Earning_{row.id}", moves)


@changes.atomic
async def hold(actor: Actor, reference: str, *, disputed: bool) -> None:
    """Let what an order has brought wait while its payment is disputed, or no longer."""
    zone = await _zone(actor)
    for sale in await sales.dispute_order(actor, reference, disputed=disputed):
        month = Month.of(sale.sold_at, zone)
        reasons = await _reasons(actor, month, sale.seller_id, sale.currency)
        where = Earning.within(
            actor, month=month.name, user_id=sale.seller_id, currency=sale.currency, state=PENDING.value
        )
        await changes.change(Earning, where, {"$set": {"hold_reasons": [one.value for one in reasons]}})


async def forecast(actor: Actor, currency: str) -> list[ForecastDay]:
    """By the day of the organization's clock: what becomes available to the actor."""
    assert actor.user_id
    zone, rules = await _zone(actor), await pay_rules.of(actor)
    days: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    inside = Actor.platform(actor.organization_id)
    mine = {"user_id": actor.user_id, "currency": currency}
    for row in await Earning.select(inside, {**mine, "state": PENDING.value}):
        days[_day(row.available_at, zone)][0] += row.amount
    present = Month.of(now(), zone)
    for month in (Month.of(present.start - timedelta(days=1), zone), present):
        if await Earning.lookup(inside, {**mine, "month": month.name}) is None:
            sums = await _sums(inside, month, actor.user_id)
            expected = sums.get((actor.user_id, currency))
            if expected and expected.amount > 0:
                days[_day(month.end + timedelta(days=rules.earnings_hold_days), zone)][1] += expected.amount
    return [ForecastDay(day, sum(known), known[1], currency) for day, known in sorted(days.items())]


@in_turn
async def _earn(actor: Actor, month: Month, person: ObjectId, currency: str) -> None:
    assert actor.organization_id
    sum = (await _sums(actor, month, person)).get((person, currency))
    if sum is None:
        return
    rules, moment, id = await pay_rules.of(actor), now(), new_id()
    reasons = await _reasons(actor, month, person, currency)
    made = EarningDocument(
        id=id,
        organization_id=actor.organization_id,
        user_id=person,
        month=month.name,
        currency=currency,
        gross=sum.gross,
        fees=sum.fees,
        refunded=sum.refunded,
        amount=fitting(sum.amount),
        sales=sum.sales,
        state=PENDING if sum.amount > 0 else AVAILABLE,
        available_at=month.end + timedelta(days=rules.earnings_hold_days) if sum.amount > 0 else moment,
        hold_reasons=reasons if sum.amount > 0 else [],
        created_at=moment,
        changed_at=moment,
    )
    same = Earning.within(actor, month=month.name, user_id=person, currency=currency)
    told = EarningComputed(actor, user=person, earning=id)
    if not (await changes.insert_once(made, same, told))[1]:
        return
    if sum.amount > 0:
        moves = [Move(books.PENDING_EARNINGS, person, sum.amount, currency)]
    else:
        moves = await books.taking(actor, books.EARNINGS, person, Money(-sum.amount, currency))
    moves.append(Move(books.REVENUE, None, -sum.amount, currency))
    await books.move(actor, f"earning:{id}", "earnings", f"Earning_{id}", moves)


async def _reasons(actor: Actor, month: Month, person: ObjectId, currency: str) -> list[HoldReason]:
    sum = (await _sums(actor, month, person)).get((person, currency), Sum())
    return [HoldReason.HOLD_PERIOD, *[HoldReason.DISPUTE] * sum.disputed]


async def _sums(actor: Actor, month: Month, person: ObjectId | None = None) -> dict[tuple[ObjectId, str], Sum]:
    """By person and currency: what sales and refunds of a month come to."""
    within = {"$gte": month.start, "$lt": month.end}
    where = {"$or": [{"sold_at": within}, {"refunds": {"$elemMatch": {"refunded_at": within}}}]}
    rows: Iterable[Sale] = await Sale.select(actor, {**where, **({"seller_id": person} if person else {})})
    sums: defaultdict[tuple[ObjectId, str], Sum] = defaultdict(Sum)
    for row in rows:
        sum = sums[row.seller_id, row.currency]
        if month.start <= row.sold_at < month.end:
            sum.gross += row.amount
            sum.fees += row.fee
            sum.sales += 1
            sum.disputed |= row.disputed
        for refund in row.refunds:
            if month.start <= refund.refunded_at < month.end:
                sum.refunded += refund.amount - refund.fee
    return dict(sums)


async def _zone(actor: Actor) -> ZoneInfo:
    assert actor.organization_id
    return ZoneInfo((await Organization.require(actor, actor.organization_id)).time_zone)


def _day(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d}"
