"""ORG-4, BIL-12: what is reserved first is never overrun, and what is nearly used up is told once."""

import asyncio
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from app.core import clock
from app.core.changes.envelope import unpack
from app.core.clock import now
from app.core.database import Document
from app.core.errors import NotFound
from app.core.money import Minor
from app.core.quotas import QuotaReached
from app.models import Aggregation, Entitlement, EntitlementKind, Renewal
from app.services.billing.metering import allowances, entitlements, usage
from app.services.billing.metering.allowances import Stretch
from app.services.billing.metering.entitlements import (
    AlreadySettled,
    EntitlementAction,
    Grant,
    MoreThanReserved,
    NotEntitled,
    NotMetered,
    Releasing,
    Reserving,
    Settling,
)
from tests.services.billing.selling import BEGIN, HOUR, Shop, open_shop, record, used

pytestmark = pytest.mark.usefixtures("documents")

TEN = 10


@pytest.fixture
async def shop() -> Shop:
    return await open_shop()


async def allow(
    shop: Shop, allowance: int | None = TEN, *, kind: Aggregation = Aggregation.SUM, **more: Any
) -> Entitlement:
    given = Grant(
        customer_id=shop.customer,
        feature="things",
        kind=EntitlementKind.METERED,
        meter_id=shop.meters[kind].id,
        allowance=None if allowance is None else Minor(allowance),
        **more,
    )
    return await entitlements.grant(shop.seller, given)


async def reserve(shop: Shop, key: str, quantity: int = 1, seconds: int = 60) -> entitlements.Reserved:
    given = Reserving(customer_id=shop.customer, feature="things", key=key, quantity=Minor(quantity), seconds=seconds)
    return await entitlements.reserve(shop.seller, given)


async def settle(shop: Shop, key: str, quantity: int = 1) -> usage.UsageTaken:
    given = Settling(customer_id=shop.customer, feature="things", key=key, quantity=Minor(quantity))
    return await entitlements.settle(shop.seller, given)


async def left(shop: Shop) -> int | None:
    (one,) = await entitlements.of(shop.seller, shop.customer)
    return one.remaining


async def used_by(shop: Shop, kind: Aggregation = Aggregation.SUM) -> int:
    return await usage.peeked(shop.seller, shop.meters[kind].id, shop.customer.id, BEGIN, now() + HOUR)


async def test_of_fifty_reservations_at_the_limit_as_many_pass_as_there_is_room_for(shop: Shop) -> None:
    await allow(shop)
    answers = await asyncio.gather(*(reserve(shop, f"{n}") for n in range(50)), return_exceptions=True)
    passed = [one.key for one in answers if isinstance(one, entitlements.Reserved)]
    assert len(passed) == TEN
    assert {type(one) for one in answers} == {entitlements.Reserved, QuotaReached}
    assert await left(shop) == 0
    assert not await entitlements.allows(shop.seller, shop.customer, "things")
    taken = await asyncio.gather(*(settle(shop, key) for key in [*passed, *passed]))
    assert [one.outcome for one in taken].count(usage.Outcome.COUNTED) == TEN, "each once, though told twice"
    assert (await used_by(shop), await left(shop)) == (TEN, 0)
    with pytest.raises(QuotaReached) as refused:
        await reserve(shop, "more")
    assert (refused.value.details["used"], refused.value.details["limit"]) == (TEN, TEN)


async def test_what_is_measured_afterwards_is_seen_by_what_is_reserved(shop: Shop) -> None:
    """Whoever opens the account first, and whatever happens at once: it knows all that was counted."""
    chance = random.Random(5)
    await allow(shop, 40)
    calls: list[Any] = [record(shop, used(shop, f"{n}", at=now())) for n in range(25)]
    calls += [reserve(shop, f"{n}") for n in range(30)]
    chance.shuffle(calls)
    answers = await asyncio.gather(*calls, return_exceptions=True)
    held = sum(isinstance(one, entitlements.Reserved) for one in answers)
    assert await used_by(shop) == 25
    assert 15 <= held <= 30
    assert await left(shop) == max(0, 40 - 25 - held)
    with pytest.raises(QuotaReached):
        await reserve(shop, "the rest and one", max(0, 40 - 25 - held) + 1)


async def test_what_was_used_before_it_was_allowed_counts(shop: Shop) -> None:
    await record(shop, used(shop, "before", quantity=Minor(7)))
    await allow(shop, starts_at=BEGIN)
    assert await left(shop) == 3
    with pytest.raises(QuotaReached):
        await reserve(shop, "four", 4)
    assert (await reserve(shop, "three", 3)).remaining == 0


async def test_a_part_is_settled_and_the_rest_is_free(shop: Shop) -> None:
    await allow(shop)
    assert (await reserve(shop, "a", 8)).remaining == 2
    assert (await reserve(shop, "a", 8)).remaining == 2, "the same key is the same reservation"
    with pytest.raises(MoreThanReserved):
        await settle(shop, "a", 9)
    assert (await settle(shop, "a", 3)).outcome is usage.Outcome.COUNTED
    assert (await settle(shop, "a", 3)).outcome is usage.Outcome.DUPLICATE
    assert await left(shop) == 7
    with pytest.raises(AlreadySettled):
        await reserve(shop, "a", 1)
    await reserve(shop, "b", 7)
    freed = Releasing(customer_id=shop.customer, feature="things", key="b")
    assert [(await entitlements.release(shop.seller, freed)).released for _ in range(2)] == [True, False]
    assert await left(shop) == 7


async def test_what_was_kept_for_too_short_is_taken_anew_if_there_is_room(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await allow(shop)
    start = clock.source()
    await reserve(shop, "slow", 6)
    monkeypatch.setattr(clock, "source", lambda: start + 61)
    await reserve(shop, "quick", 6)
    with pytest.raises(QuotaReached):
        await settle(shop, "slow", 6)
    assert (await settle(shop, "slow", 4)).outcome is usage.Outcome.COUNTED
    assert await used_by(shop) == 4
    assert await left(shop) == 0


async def test_eighty_and_a_hundred_per_cent_are_told_once_each(shop: Shop, database: AsyncDatabase[Document]) -> None:
    await allow(shop, 10, kind=Aggregation.LATEST, renewal=Renewal.MONTHLY, starts_at=BEGIN)
    levels = [1, 7, 8, 3, 9, 8, 12, 1, 10, 15]
    for n, level in enumerate(levels):
        at = BEGIN + (n + 1) * HOUR
        await record(shop, used(shop, f"{n}", Aggregation.LATEST, at=at, quantity=Minor(level)))
    assert await told(database, shop) == [(80, BEGIN), (100, BEGIN)]
    next = datetime(2026, 4, 1, tzinfo=UTC)
    await record(shop, used(shop, "next", Aggregation.LATEST, at=next + HOUR, quantity=Minor(10)))
    assert await told(database, shop) == [(80, BEGIN), (100, BEGIN), (80, next), (100, next)]


async def told(database: AsyncDatabase[Document], shop: Shop) -> list[tuple[int, datetime]]:
    events = [event async for row in database.outbox.find().sort("_id", 1) for event in unpack(row["_events"])]
    mine = [one for one in events if one["t"] == "AllowanceReached.1" and one["o"] == shop.seller.organization_id]
    return [(one["d"]["percent"], one["d"]["window"]) for one in mine]


async def test_overage_is_measured_and_not_held_up(shop: Shop) -> None:
    await allow(shop, overage=True)
    await reserve(shop, "much", 1_000)
    await settle(shop, "much", 1_000)
    (one,) = await entitlements.of(shop.seller, shop.customer)
    assert (one.used, one.allowance, one.remaining) == (1_000, 10, 0)
    assert await entitlements.allows(shop.seller, shop.customer, "things")


async def test_yes_and_no_and_what_a_text_says(shop: Shop) -> None:
    given = Grant(customer_id=shop.customer, feature="export", kind=EntitlementKind.BOOLEAN)
    export = await entitlements.grant(shop.seller, given, "Subscription_1")
    limits = Grant(customer_id=shop.customer, feature="projects", kind=EntitlementKind.STATIC, value='{"most": 3}')
    await entitlements.grant(shop.seller, limits, "Subscription_1")
    shown = {one.feature: one.value for one in await entitlements.of(shop.seller, shop.customer)}
    assert shown == {"export": None, "projects": '{"most": 3}'}
    assert await entitlements.allows(shop.seller, shop.customer, "export")
    with pytest.raises(NotMetered):
        await entitlements.reserve(shop.seller, Reserving(customer_id=shop.customer, feature="export", key="a"))
    await entitlements.end(shop.seller, EntitlementAction(entitlement_id=export.id))
    assert not await entitlements.allows(shop.seller, shop.customer, "export")
    assert await entitlements.end_of(shop.seller, "Subscription_1") == 1
    assert await entitlements.of(shop.seller, shop.customer) == []
    again = await entitlements.grant(shop.seller, given)
    assert (again.id, again.ends_at, again.version) == (export.id, None, 3)
    with pytest.raises(NotEntitled):
        await reserve(shop, "never given")


async def test_more_is_allowed_at_once_when_a_plan_is_changed(shop: Shop) -> None:
    await allow(shop, 5)
    await reserve(shop, "a", 5)
    await allow(shop, 8)
    assert await left(shop) == 3
    await reserve(shop, "b", 3)
    other = await open_shop()
    with pytest.raises(NotFound):
        await allow(Shop(other.seller, shop.customer, shop.meters))


@pytest.mark.parametrize(
    ("renewal", "starts_at", "moment", "expected"),
    [
        (Renewal.MONTHLY, "2026-01-31", "2026-02-27", ("2026-01-31", "2026-02-28")),
        (Renewal.MONTHLY, "2026-01-31", "2026-02-28", ("2026-02-28", "2026-03-31")),
        (Renewal.MONTHLY, "2024-01-31", "2024-02-29", ("2024-02-29", "2024-03-31")),
        (Renewal.MONTHLY, "2024-01-31", "2044-05-30", ("2044-04-30", "2044-05-31")),
        (Renewal.YEARLY, "2024-02-29", "2027-02-28", ("2027-02-28", "2028-02-29")),
        (Renewal.DAILY, "2026-03-28", "2026-03-29", ("2026-03-29", "2026-03-30")),
        (None, "2026-01-01", "2030-01-01", ("2026-01-01", "9000-01-01")),
        (Renewal.DAILY, "2026-03-28", "2026-03-27", None),
    ],
)
def test_an_allowance_is_renewed_on_the_day_it_began(
    renewal: Renewal | None, starts_at: str, moment: str, expected: tuple[str, str] | None
) -> None:
    row = Entitlement()
    row.starts_at, row.ends_at, row.renewal = _day(starts_at), None, renewal
    during = allowances.stretch(row, _day(moment))
    assert during == (Stretch(_day(expected[0]), _day(expected[1])) if expected else None)


def test_stretches_lie_side_by_side() -> None:
    row, chance = Entitlement(), random.Random(3)
    for renewal in Renewal:
        for _ in range(200):
            row.starts_at, row.ends_at = BEGIN + chance.randrange(400) * timedelta(days=1), None
            row.renewal = renewal
            moment = row.starts_at + chance.randrange(10_000_000) * timedelta(seconds=17)
            during = allowances.stretch(row, moment)
            assert during
            assert during.starts_at <= moment < during.ends_at
            following = allowances.stretch(row, during.ends_at)
            assert following
            assert following.starts_at == during.ends_at


def _day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


async def test_an_allowance_of_nothing_is_none(shop: Shop) -> None:
    await allow(shop, 0)
    assert not await entitlements.allows(shop.seller, shop.customer, "things")
    with pytest.raises(QuotaReached):
        await reserve(shop, "one")
