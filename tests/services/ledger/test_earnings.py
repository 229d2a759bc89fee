"""PAY-3: what people sell in a month is theirs on the first of the next, and can be paid out when it has been held."""

import asyncio
from datetime import UTC, datetime

import pytest
from bson import ObjectId

from app.core import changes, clock
from app.core.actor import Actor
from app.models import Earning, HoldReason, Organization
from app.services.ledger import earnings, pay_rules, refunds, sales
from app.services.ledger.pay_rules import PayRulesUpdate
from app.services.ledger.refunds import NewOrderRefund
from app.services.ledger.sales import NewSale
from tests.services.ledger.school import School


class Calendar:
    """Sets the clock of this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def at(self, text: str) -> datetime:
        moment = datetime.fromisoformat(text).astimezone(UTC)
        self._monkeypatch.setattr(clock, "source", moment.timestamp)
        self._monkeypatch.setattr(clock, "_last", 0)
        return moment


@pytest.fixture
def calendar(monkeypatch: pytest.MonkeyPatch) -> Calendar:
    return Calendar(monkeypatch)


async def _sell(school: School, seller: Actor, amount: int, fee: int, reference: str | None = None) -> str:
    reference = reference or f"Order_{ObjectId()}"
    assert seller.user_id
    given = {"amount": amount, "currency": "EUR", "fee": fee, "seller_id": seller.user_id, "reference": reference}
    await sales.record_sale(school.owner, NewSale(**given))
    return reference


async def _in_new_york(school: School) -> None:
    where = {"_id": school.owner.organization_id}
    await changes.change(Organization, where, {"$set": {"time_zone": "America/New_York"}})


async def _of(school: School, seller: Actor) -> list[tuple[str, int, str]]:
    rows = await Earning.select(school.platform, {"user_id": seller.user_id})
    return sorted((row.month, row.amount, row.state.value) for row in rows)


async def test_a_month_is_one_of_the_organizations_clock_and_is_computed_once(
    school: School, calendar: Calendar
) -> None:
    await _in_new_york(school)
    calendar.at("2027-03-31T23:30:00-04:00")
    await _sell(school, school.seller, 10_000, 1_000)
    await _sell(school, school.seller, 999, 99)
    await _sell(school, school.buyer, 500, 0)
    calendar.at("2027-04-01T00:00:00-04:00")
    april = await _sell(school, school.seller, 777, 0)
    await sales.record_sale(
        school.owner,
        NewSale(amount=777, currency="EUR", fee=0, seller_id=school.seller.user_id, reference=april),
    )
    with pytest.raises(sales.SaleRecorded):
        await _sell(school, school.seller, 778, 0, april)
    assert await earnings.compute_due(calendar.at("2027-03-31T23:59:00-04:00")) == 0
    first = calendar.at("2027-04-01T00:05:00-04:00")
    computed = await asyncio.gather(*(earnings.compute_due(first) for _ in range(5)))
    assert sum(computed) >= 2
    assert await _of(school, school.seller) == [("2027-03", 9_900, "pending")]
    assert await _of(school, school.buyer) == [("2027-03", 500, "pending")]
    assert await school.has("earnings:pending", school.seller) == 9_900
    assert await school.has("revenue") == -10_400
    [row] = await Earning.select(school.platform, {"user_id": school.seller.user_id})
    assert (row.gross, row.fees, row.sales, row.hold_reasons) == (10_999, 1_099, 2, [HoldReason.HOLD_PERIOD])
    assert row.available_at == datetime.fromisoformat("2027-04-15T00:00:00-04:00")
    await earnings.release_due(calendar.at("2027-04-14T23:59:59-04:00"))
    assert await school.has("earnings", school.seller) == 0
    due = calendar.at("2027-04-15T00:00:00-04:00")
    await asyncio.gather(*(earnings.release(school.platform, row.id) for _ in range(5)), earnings.release_due(due))
    assert await school.has("earnings", school.seller) == 9_900
    assert await school.has("earnings:pending", school.seller) == 0
    assert (await Earning.require(school.platform, row.id)).hold_reasons == []
    assert await school.faults() == []


async def test_what_is_given_back_later_is_owed_and_recovered(school: School, calendar: Calendar) -> None:
    calendar.at("2027-05-10T12:00:00+00:00")
    order = await _sell(school, school.seller, 1_000, 101)
    await earnings.compute_due(calendar.at("2027-06-01T01:00:00+00:00"))
    calendar.at("2027-06-20T12:00:00+00:00")
    await earnings.release_due(clock.now())
    assert await school.has("earnings", school.seller) == 899
    await _take_out(school, 899)
    for amount, key in ((333, "a"), (333, "a"), (667, "b")):
        back = NewOrderRefund(reference=order, amount=amount, currency="EUR", key=key)
        await refunds.record(school.owner, back)
    with pytest.raises(sales.MoreThanSold):
        await refunds.record(school.owner, NewOrderRefund(reference=order, amount=1, currency="EUR", key="c"))
    await _sell(school, school.seller, 200, 0)
    await earnings.compute_due(calendar.at("2027-07-01T01:00:00+00:00"))
    assert await _of(school, school.seller) == [("2027-05", 899, "available"), ("2027-06", -699, "available")]
    assert await school.has("earnings:owed", school.seller) == -699
    await _sell(school, school.seller, 1_000, 0)
    await earnings.compute_due(calendar.at("2027-08-01T01:00:00+00:00"))
    await earnings.release_due(calendar.at("2027-08-20T01:00:00+00:00"))
    assert await school.has("earnings:owed", school.seller) == 0
    assert await school.has("earnings", school.seller) == 301
    assert await school.faults() == []


async def test_a_disputed_sale_keeps_its_month_waiting(school: School, calendar: Calendar) -> None:
    calendar.at("2027-05-10T12:00:00+00:00")
    order = await _sell(school, school.seller, 1_000, 0)
    await earnings.compute_due(calendar.at("2027-06-01T01:00:00+00:00"))
    await earnings.hold(school.platform, order, disputed=True)
    [row] = await Earning.select(school.platform, {"user_id": school.seller.user_id})
    assert row.hold_reasons == [HoldReason.HOLD_PERIOD, HoldReason.DISPUTE]
    late = calendar.at("2027-06-30T01:00:00+00:00")
    await earnings.release_due(late)
    await earnings.release(school.platform, row.id)
    assert await school.has("earnings", school.seller) == 0
    await earnings.hold(school.platform, order, disputed=False)
    await earnings.release_due(late)
    assert await school.has("earnings", school.seller) == 1_000


async def test_the_forecast_says_what_comes_on_which_day(school: School, calendar: Calendar) -> None:
    await pay_rules.update(school.owner, PayRulesUpdate(earnings_hold_days=10))
    calendar.at("2027-05-10T12:00:00+00:00")
    await _sell(school, school.seller, 1_000, 100)
    await earnings.compute_due(calendar.at("2027-06-01T01:00:00+00:00"))
    await _sell(school, school.seller, 50, 0)
    seen = await earnings.forecast(school.seller, "EUR")
    assert [(one.day, one.amount, one.expected) for one in seen] == [("2027-06-11", 900, 0), ("2027-07-11", 50, 50)]
    assert await earnings.forecast(school.buyer, "EUR") == []


async def _take_out(school: School, amount: int) -> None:
    """As a payout does."""
    await school.fill("earnings", school.seller, -amount)
