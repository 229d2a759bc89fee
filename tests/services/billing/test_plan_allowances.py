"""BIL-12: a plan allows so much in each period, whatever happens to the subscription, and takes it when that ends."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from app.core import clock
from app.core.actor import Actor
from app.core.clock import now
from app.core.errors import AppError, NotFound
from app.core.money import Minor, Money
from app.core.paging import PageArgs
from app.core.quotas import QuotaReached
from app.models import Aggregation, Collection, Interval, Invoice, Plan, Price, PricingModel, Subscription
from app.services.billing.collecting import dunning
from app.services.billing.invoicing import dues, invoices
from app.services.billing.metering import entitlements, extensions, usage
from app.services.billing.metering.entitlements import Entitled, NotEntitled, Reserved, Reserving
from app.services.billing.metering.extensions import Extension
from app.services.billing.selling import plans
from app.services.billing.selling.plan_allowances import NewAllowance
from app.services.billing.selling.plans import NewPlan, NewPrice, NewRate, PlanChange
from app.services.billing.subscribing import expiry, subscriptions
from app.services.billing.subscribing.subscriptions import (
    Cancellation,
    NewSubscription,
    Pause,
    SubscriptionAction,
    SubscriptionRevision,
    When,
)
from tests.factories.organizations import acting
from tests.services.billing.selling import Shop, open_shop, record, used

pytestmark = pytest.mark.usefixtures("documents")

BEGIN = datetime(2027, 1, 31, 12, tzinfo=UTC)
TEN = 10
DAY = timedelta(days=1)


@dataclass
class Hour:
    """What the clock says."""

    now: datetime = field(default=BEGIN)

    def tell(self) -> float:
        return self.now.timestamp()


@dataclass
class Subscriber:
    """A customer of a shop that sells plans, and their subscription."""

    shop: Shop
    hour: Hour

    def __post_init__(self) -> None:
        assert self.shop.seller.organization_id
        self.platform = Actor.platform(self.shop.seller.organization_id)
        self.actor = acting(self.shop.customer.id, self.shop.seller.organization_id)

    def allows(self, feature: str, amount: int | None, **more: bool) -> NewAllowance:
        given = None if amount is None else Minor(amount)
        return NewAllowance(feature=feature, meter_id=self.shop.meters[Aggregation.SUM].id, amount=given, **more)

    async def plan(self, key: str, *allowances: NewAllowance, **more: int) -> tuple[Plan, Price]:
        plan = await plans.create(self.shop.seller, NewPlan(key=key, name=key, allowances=[*allowances], **more))
        return plan, await self.price(plan)

    async def price(self, plan: Plan, interval: Interval = Interval.MONTH, count: int = 1) -> Price:
        rate = NewRate(model=PricingModel.PER_UNIT, amount=Minor(100))
        new = NewPrice(plan_id=plan.id, currency="EUR", interval=interval, interval_count=count, rate=rate)
        return await plans.set_price(self.shop.seller, new)

    async def subscribe(self, price: Price, *, pays: bool = True, seats: int = 1) -> Subscription:
        new = NewSubscription(price_id=price.id, seats=seats, collection=Collection.MANUAL)
        made = await subscriptions.subscribe(self.actor, new)
        if pays and made.invoice:
            await self.pay()
        self.id = made.subscription.id
        return made.subscription

    async def pay(self) -> None:
        for row in await Invoice.select(self.platform, {"state": {"$in": ["issued", "overdue"]}}):
            await dues.apply(self.platform, row.id, clock.new_id(), Money(row.outstanding, "EUR"), now())

    async def change(self, price: Price, when: When = When.NOW, seats: int | None = None) -> None:
        given = SubscriptionRevision(subscription_id=self.id, price_id=price.id, when=when, seats=seats)
        await subscriptions.change(self.actor, given)

    async def after(self, wait: timedelta) -> Subscription:
        """The subscription after so long, when the clock has done what is due."""
        self.hour.now += wait
        await expiry.run(now(), self.platform)
        return await Subscription.require(self.platform, self.id)

    async def of(self, feature: str = "things") -> Entitled | None:
        found = await entitlements.of(self.platform, self.shop.customer)
        return next((one for one in found if one.feature == feature), None)

    async def left(self, feature: str = "things") -> int | None:
        found = await self.of(feature)
        return found.remaining if found else None

    async def use(self, id: str, quantity: int) -> None:
        await record(self.shop, used(self.shop, id, quantity=Minor(quantity), at=now()))

    async def reserve(self, key: str, quantity: int = 1) -> Reserved:
        given = Reserving(customer_id=self.shop.customer, feature="things", key=key, quantity=Minor(quantity))
        return await entitlements.reserve(self.platform, given)


@pytest.fixture
async def buyer(monkeypatch: pytest.MonkeyPatch) -> Subscriber:
    hour = Hour()
    monkeypatch.setattr(clock, "source", hour.tell)
    return Subscriber(await open_shop(), hour)


async def test_of_fifty_reservations_as_many_pass_as_the_plan_allows(buyer: Subscriber) -> None:
    _, price = await buyer.plan("basic", buyer.allows("things", TEN))
    await buyer.subscribe(price, pays=False)
    with pytest.raises(NotEntitled):
        await buyer.reserve("early")
    await buyer.pay()
    await buyer.use("first", 3)
    answers = await asyncio.gather(*(buyer.reserve(f"{n}") for n in range(50)), return_exceptions=True)
    assert sum(isinstance(one, Reserved) for one in answers) == TEN - 3
    assert {type(one) for one in answers} == {Reserved, QuotaReached}
    found = await buyer.of()
    assert found
    assert (found.used, found.allowance, found.remaining) == (TEN, TEN, 0)
    assert found.renews_at == datetime(2027, 2, 28, 12, tzinfo=UTC)
    [shown] = [
        one
        for one in await usage.shown(buyer.platform, buyer.shop.customer, BEGIN, found.renews_at)
        if one.meter.aggregation is Aggregation.SUM
    ]
    assert shown.total == 3, "what is reserved is not used yet"


async def test_it_begins_anew_with_each_period_of_the_subscription(buyer: Subscriber) -> None:
    plan, _ = await buyer.plan("basic", buyer.allows("things", TEN))
    await buyer.subscribe(await buyer.price(plan, Interval.DAY, 45))
    await buyer.use("a", TEN)
    assert await buyer.left() == 0
    await buyer.after(44 * DAY)
    assert await buyer.left() == 0, "it is not the month that counts"
    buyer.hour.now += 2 * DAY
    with pytest.raises(QuotaReached):
        await buyer.reserve("late")  # the clock has not come by: what there is goes on
    await buyer.use("b", 4)
    row = await buyer.after(timedelta(0))
    assert (await buyer.left(), row.starts_at) == (TEN - 4, BEGIN + 45 * DAY)
    await buyer.reserve("new", TEN - 4)
    assert await buyer.left() == 0
    await buyer.after(45 * DAY)
    assert await buyer.left() == TEN, "nothing is carried over"


async def test_another_plan_allows_what_it_says_and_what_was_used_counts(buyer: Subscriber) -> None:
    small = (await buyer.plan("small", buyer.allows("things", TEN), buyer.allows("small_only", 1)))[1]
    large = (await buyer.plan("large", buyer.allows("things", 3 * TEN), buyer.allows("large_only", None)))[1]
    await buyer.subscribe(small)
    await buyer.use("a", 8)
    buyer.hour.now += 20 * DAY
    await buyer.change(large)
    found = await buyer.of()
    assert found
    assert (found.used, found.allowance) == (8, 3 * TEN), "all of it, though little of the period is left"
    assert await buyer.of("small_only") is None
    unlimited = await buyer.of("large_only")
    assert unlimited
    assert (unlimited.allowance, unlimited.remaining) == (None, None)
    for price in (small, large, small):
        await buyer.change(price)
    assert await buyer.left() == 2, "going to and fro gains nothing"
    await buyer.change(large, When.PERIOD_END)
    assert await buyer.left() == 2
    await buyer.after(9 * DAY)
    assert await buyer.left() == 3 * TEN


async def test_other_intervals_begin_a_period_at_once(buyer: Subscriber) -> None:
    plan, month = await buyer.plan("basic", buyer.allows("things", TEN))
    year = await buyer.price(plan, Interval.YEAR)
    await buyer.subscribe(month)
    await buyer.use("a", TEN)
    buyer.hour.now += DAY
    await buyer.change(year)
    found = await buyer.of()
    assert found
    assert (found.remaining, found.renews_at) == (TEN, datetime(2028, 2, 1, 12, tzinfo=UTC))


async def test_a_pause_takes_it_and_gives_back_what_was_left(buyer: Subscriber) -> None:
    _, price = await buyer.plan("basic", buyer.allows("things", TEN))
    row = await buyer.subscribe(price)
    await buyer.use("a", 8)
    buyer.hour.now += 5 * DAY
    await subscriptions.pause(buyer.actor, Pause(subscription_id=row.id))
    with pytest.raises(NotEntitled):
        await buyer.reserve("paused")
    buyer.hour.now += 60 * DAY
    await subscriptions.resume(buyer.actor, SubscriptionAction(subscription_id=row.id))
    assert await buyer.left() == 2
    await buyer.after(24 * DAY)
    assert await buyer.left() == TEN


@pytest.mark.parametrize("way", ["now", "period", "unpaid", "trial"])
async def test_the_end_takes_it(buyer: Subscriber, way: str) -> None:
    _, price = await buyer.plan("basic", buyer.allows("things", TEN), trial_days=7 * (way == "trial"), grace_days=3)
    row = await buyer.subscribe(price)
    assert await buyer.left() == TEN
    if way == "unpaid":
        await buyer.after(28 * DAY)  # it is renewed, and not paid for
        moment = now() + timedelta(hours=2)
        await invoices.issue_due(moment, buyer.platform)
        for days in (14, 15, 17, 19, 21):
            buyer.hour.now = moment + days * DAY
            await dunning.run(now(), buyer.platform)
        assert (await buyer.after(timedelta(0))).state.value == "grace"
        assert await buyer.left() == TEN, "in the days of grace they have it still"
        assert (await buyer.after(4 * DAY)).state.value == "expired"
    else:
        when = When.NOW if way == "now" else When.PERIOD_END
        await subscriptions.cancel(buyer.actor, Cancellation(subscription_id=row.id, when=when))
        if way != "now":
            assert await buyer.left() == TEN
            await buyer.after(32 * DAY)
    assert await buyer.of() is None
    with pytest.raises(NotEntitled):
        await buyer.reserve("late")


async def test_each_seat_has_so_much_where_the_plan_says_so(buyer: Subscriber) -> None:
    _, price = await buyer.plan("basic", buyer.allows("things", TEN, by_seat=True), buyer.allows("shared", TEN))
    await buyer.subscribe(price, seats=3)
    assert (await buyer.left(), await buyer.left("shared")) == (3 * TEN, TEN)
    await buyer.change(price, seats=5)
    assert (await buyer.left(), await buyer.left("shared")) == (5 * TEN, TEN)


async def test_what_is_bought_beside_it_is_added_until_it_begins_anew(buyer: Subscriber) -> None:
    _, price = await buyer.plan("basic", buyer.allows("things", TEN))
    await buyer.subscribe(price)
    await buyer.use("a", TEN)
    with pytest.raises(QuotaReached):
        await buyer.reserve("one")
    [row] = (await entitlements.newest(buyer.shop.seller, PageArgs(), buyer.shop.customer.id)).nodes
    await asyncio.gather(
        *(
            extensions.extend(buyer.shop.seller, Extension(entitlement_id=row.id, quantity=Minor(quantity)))
            for quantity in (1, 1, 1, 2)
        )
    )
    found = await buyer.of()
    assert found
    assert (found.allowance, found.remaining) == (TEN + 5, 5)
    answers = await asyncio.gather(*(buyer.reserve(f"{n}") for n in range(50)), return_exceptions=True)
    assert sum(isinstance(one, Reserved) for one in answers) == 5
    await buyer.after(28 * DAY)
    assert await buyer.left() == TEN


async def test_a_plan_is_changed_from_the_next_period_on(buyer: Subscriber) -> None:
    plan, price = await buyer.plan("basic", buyer.allows("things", TEN))
    await buyer.subscribe(price)
    given = PlanChange(plan_id=plan.id, allowances=[buyer.allows("things", 5), buyer.allows("more", 1)])
    changed = await plans.update(buyer.shop.seller, given)
    assert [(one.feature, one.amount) for one in changed.allowances] == [("things", 5), ("more", 1)]
    assert (await buyer.left(), await buyer.of("more")) == (TEN, None)
    await buyer.after(28 * DAY)
    assert (await buyer.left(), await buyer.left("more")) == (5, 1)


async def test_what_cannot_be_allowed_is_refused(buyer: Subscriber) -> None:
    with pytest.raises(NotFound):
        unknown = NewAllowance(feature="things", meter_id=clock.new_id(), amount=Minor(1))
        await plans.create(buyer.shop.seller, NewPlan(key="x", name="x", allowances=[unknown]))
    with pytest.raises(ValueError, match="once"):
        NewPlan(key="x", name="x", allowances=[buyer.allows("things", 1), buyer.allows("things", 2)])
    _, price = await buyer.plan("basic", buyer.allows("things", None))
    await buyer.subscribe(price)
    [row] = (await entitlements.newest(buyer.shop.seller, PageArgs(), buyer.shop.customer.id)).nodes
    with pytest.raises(AppError) as refused:
        await extensions.extend(buyer.shop.seller, Extension(entitlement_id=row.id, quantity=Minor(1)))
    assert refused.value.code == "NOT_METERED"
