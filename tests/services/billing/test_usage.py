"""BIL-12: what was used is counted once, exactly, whatever way the events come."""

import asyncio
import os
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from app.core.clock import new_id, now
from app.core.database import Document
from app.core.errors import Invalid, NotFound
from app.core.money import MOST, Minor, OutOfRange
from app.core.paging import Page, PageArgs
from app.models import PLATFORM_ID, Aggregation, Buyer, CustomerKind, UsageWindow
from app.services.billing.metering import meters, usage
from app.services.billing.metering.meters import MeterAction
from app.services.billing.metering.usage import (
    FromTheFuture,
    MeterOver,
    NotOver,
    Outcome,
    TransactionReused,
    UsageGiven,
)
from tests.services.billing.selling import BEGIN, END, HOUR, Shop, open_shop, record, used

pytestmark = pytest.mark.usefixtures("documents")

SEEDS = int(os.environ.get("USAGE_SEEDS", "1"))
EVENTS = int(os.environ.get("USAGE_EVENTS", "28"))
SUM = Aggregation.SUM


@pytest.fixture
async def shop() -> Shop:
    return await open_shop()


@dataclass(frozen=True)
class Counted:
    """An event, as the model knows it."""

    counts_at: datetime
    at: datetime
    id: str
    quantity: int
    who: str


def shown(kind: Aggregation, events: Sequence[Counted]) -> int:
    """What a meter should show of events, by the plainest way to say it."""
    if kind is Aggregation.COUNT:
        return len(events)
    if kind is Aggregation.SUM:
        return sum(one.quantity for one in events)
    if kind is Aggregation.MAX:
        return max((one.quantity for one in events), default=0)
    if kind is Aggregation.UNIQUE:
        return len({one.who for one in events})
    return max(events, key=lambda one: (one.counts_at, one.at, one.id)).quantity if events else 0


def some(chance: random.Random, shop: Shop, kind: Aggregation) -> list[UsageGiven]:
    """Events in two months; some at the same moment, the last millisecond and the first among them."""
    moments = [
        BEGIN,
        END - timedelta(milliseconds=1),
        END,
        *(BEGIN + chance.randrange(1_400) * HOUR for _ in range(20)),
    ]
    return [
        used(
            shop,
            f"{n}",
            kind,
            at=chance.choice(moments),
            quantity=Minor(chance.randrange(50)),
            who=f"person {chance.randrange(12)}",
        )
        for n in range(EVENTS)
    ]


def counted(one: UsageGiven, counts_at: datetime | None = None) -> Counted:
    assert one.at
    return Counted(counts_at or one.at, one.at, one.transaction_id, one.quantity, one.properties[0].value)


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_in_any_order_twice_and_all_at_once_the_totals_are_those_of_the_model(shop: Shop, seed: int) -> None:
    chance = random.Random(seed)
    windows = [(BEGIN, END), (END, END + 31 * 24 * HOUR), (BEGIN + 100 * HOUR, END + 50 * HOUR)]
    for kind, meter in shop.meters.items():
        events = some(chance, shop, kind)
        first, rest = events[:10], [*events[10:], *chance.sample(events, 10)]
        chance.shuffle(rest)
        await record(shop, *first)
        assert await usage.total(shop.seller, meter.id, shop.customer.id, *windows[0]) == shown(
            kind, [counted(one) for one in first if one.at and BEGIN <= one.at < END]
        ), "a window that is kept from here on"
        batches = [rest[n : n + 9] for n in range(0, len(rest), 9)]
        await asyncio.gather(*(record(shop, *batch) for batch in batches))
        for start, end in windows:
            expected = shown(kind, [counted(one) for one in events if one.at and start <= one.at < end])
            assert await usage.peeked(shop.seller, meter.id, shop.customer.id, start, end) == expected, kind
            assert await usage.total(shop.seller, meter.id, shop.customer.id, start, end) == expected, kind


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_what_comes_late_counts_in_the_next_window_and_says_so(shop: Shop, seed: int) -> None:
    chance = random.Random(1_000 + seed)
    ends = [BEGIN + 24 * HOUR * day for day in (8, 15, 22)]
    for kind, meter in shop.meters.items():
        given, model, closed = some(chance, shop, kind), dict[str, Counted](), BEGIN
        final: Mapping[datetime, int] = {}
        chance.shuffle(given)
        for n, one in enumerate(given):
            if n in (7, 14, 21):
                end = ends[n // 7 - 1]
                before = [event for event in model.values() if closed <= event.counts_at < end]
                final = {**final, closed: await usage.close(shop.seller, meter.id, shop.customer, closed, end)}
                assert final[closed] == shown(kind, before)
                assert await usage.close(shop.seller, meter.id, shop.customer, closed, end) == final[closed]
                closed = end
            (taken,) = await record(shop, one)
            assert one.at
            model[one.transaction_id] = counted(one, max(one.at, closed) if closed != BEGIN else one.at)
            assert taken.counts_at == model[one.transaction_id].counts_at
            assert taken.outcome is (Outcome.LATE if taken.counts_at != one.at else Outcome.COUNTED)
        for start, end in zip([BEGIN, *ends], [*ends, END + 60 * 24 * HOUR], strict=True):
            expected = shown(kind, [event for event in model.values() if start <= event.counts_at < end])
            assert await usage.total(shop.seller, meter.id, shop.customer.id, start, end) == expected
            assert final.get(start, expected) == expected, "what was final has not changed"


async def test_a_window_that_was_closed_empty_stays_so(shop: Shop) -> None:
    meter = shop.meters[SUM]
    assert await usage.close(shop.seller, meter.id, shop.customer, BEGIN, END) == 0
    (taken,) = await record(shop, used(shop, "late", quantity=Minor(5)))
    assert (taken.outcome, taken.counts_at) == (Outcome.LATE, END)
    assert await usage.total(shop.seller, meter.id, shop.customer.id, BEGIN, END) == 0
    assert await usage.total(shop.seller, meter.id, shop.customer.id, END, END + HOUR) == 5


async def test_one_id_is_one_event(shop: Shop) -> None:
    same = used(shop, "one", quantity=Minor(7))
    assert [one.outcome for one in await record(shop, same, same)] == [Outcome.COUNTED, Outcome.DUPLICATE]
    answers = await asyncio.gather(*(record(shop, same) for _ in range(10)))
    assert {one.outcome for (one,) in answers} == {Outcome.DUPLICATE}
    with pytest.raises(TransactionReused) as refused:
        await record(shop, used(shop, "other"), used(shop, "one", quantity=Minor(8)))
    assert refused.value.path == ["input", "events", "1", "transactionId"]
    assert await usage.peeked(shop.seller, shop.meters[SUM].id, shop.customer.id, BEGIN, END) == 7, "all or nothing"


async def test_of_many_who_send_one_event_at_once_one_has_it_counted(shop: Shop) -> None:
    answers = await asyncio.gather(*(record(shop, used(shop, "one")) for _ in range(20)))
    assert [one.outcome for (one,) in answers].count(Outcome.COUNTED) == 1
    assert await usage.total(shop.seller, shop.meters[SUM].id, shop.customer.id, BEGIN, END) == 1


async def test_a_total_is_one_document(shop: Shop, database: AsyncDatabase[Document]) -> None:
    await record(shop, *(used(shop, f"{n}") for n in range(20)))
    meter, inside = shop.meters[SUM], {"organization_id": shop.seller.organization_id}
    assert await usage.total(shop.seller, meter.id, shop.customer.id, BEGIN, END) == 20
    await database.usage_events.delete_many(inside)
    assert await usage.total(shop.seller, meter.id, shop.customer.id, BEGIN, END) == 20
    assert await UsageWindow.tally(shop.seller, cap=10) == 1


async def test_what_cannot_be_is_refused_and_nothing_is_counted(shop: Shop) -> None:
    ahead = now() + timedelta(hours=1)
    strange = Buyer(CustomerKind.PERSON, new_id())
    with pytest.raises(FromTheFuture):
        await record(shop, used(shop, "ahead", at=ahead))
    with pytest.raises(NotFound):
        await record(shop, used(shop, "strange").model_copy(update={"customer_id": strange}))
    with pytest.raises(NotFound):  # who is no platform sells to people only
        organization = Buyer(CustomerKind.ORGANIZATION, PLATFORM_ID)
        await record(shop, used(shop, "strange").model_copy(update={"customer_id": organization}))
    with pytest.raises(NotFound):
        await record(shop, used(shop, "unmeasured").model_copy(update={"meter": "unheard_of"}))
    with pytest.raises(Invalid):
        await record(shop, used(shop, "nobody", Aggregation.UNIQUE).model_copy(update={"properties": []}))
    with pytest.raises(NotOver):
        await usage.close(shop.seller, shop.meters[SUM].id, shop.customer, BEGIN, ahead)
    await meters.archive(shop.seller, MeterAction(meter_id=shop.meters[SUM].id))
    with pytest.raises(MeterOver):
        await record(shop, used(shop, "over"))
    assert await usage.newest(shop.seller, PageArgs()) == Page([], False, False)


async def test_more_than_64_bits_hold_is_refused(shop: Shop, database: AsyncDatabase[Document]) -> None:
    await record(shop, used(shop, "much", quantity=Minor(usage.LARGEST)))
    await usage.total(shop.seller, shop.meters[SUM].id, shop.customer.id, BEGIN, END)
    inside = {"organization_id": shop.seller.organization_id}
    await database.usage_windows.update_one(inside, {"$set": {"total": MOST}})
    with pytest.raises(OutOfRange):
        await record(shop, used(shop, "more"))


async def test_another_seller_has_nothing_of_it(shop: Shop) -> None:
    await record(shop, used(shop, "one"))
    other = await open_shop()
    with pytest.raises(NotFound):
        await usage.total(other.seller, shop.meters[SUM].id, shop.customer.id, BEGIN, END)
    assert not (await usage.newest(other.seller, PageArgs())).nodes
    assert (await record(other, used(other, "one")))[0].outcome is Outcome.COUNTED, "ids are the seller's own"
