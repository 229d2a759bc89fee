"""BIL-8: what things cost, to the minor unit, against arithmetic of fractions."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from bson import ObjectId
from hypothesis import given
from hypothesis import strategies as st

from app.core.clock import new_id
from app.models import (
    CreditKind,
    CreditOffered,
    InvoiceItem,
    InvoiceTax,
    LineKind,
    MeteredComponent,
    Price,
    PriceTier,
    PricingModel,
    Proration,
    Rate,
)
from app.services.billing import pricing
from app.services.billing.periods import Span
from app.services.billing.pricing import Terms

BEGIN = datetime(2028, 2, 1, tzinfo=UTC)
MONTH = Span(BEGIN, BEGIN + timedelta(days=29))
AMOUNTS = st.integers(0, 10**9)


@st.composite
def tiers(draw: Any) -> list[PriceTier]:
    tops = sorted(draw(st.sets(st.integers(1, 200), min_size=1, max_size=5)))
    amounts = st.tuples(st.integers(0, 1_000), st.integers(0, 1_000))
    return [PriceTier(top, *draw(amounts)) for top in (*tops, None)]


def _tier(rate: Rate, unit: int) -> PriceTier:
    return next(tier for tier in rate.tiers if tier.up_to is None or unit <= tier.up_to)


@given(tiers(), st.integers(0, 300))
def test_graduated_prices_are_the_sum_of_their_units(tiers: list[PriceTier], quantity: int) -> None:
    rate = Rate(PricingModel.GRADUATED, tiers=tiers)
    units = [_tier(rate, unit) for unit in range(1, quantity + 1)]
    entered = {id(tier): tier for tier in units}.values()
    expected = sum(tier.unit_amount for tier in units) + sum(tier.flat_amount for tier in entered)
    assert pricing.cost(rate, quantity) == expected


@given(tiers(), st.integers(1, 300))
def test_volume_prices_are_all_of_one_tier(tiers: list[PriceTier], quantity: int) -> None:
    rate = Rate(PricingModel.VOLUME, tiers=tiers)
    tier = _tier(rate, quantity)
    assert pricing.cost(rate, quantity) == quantity * tier.unit_amount + tier.flat_amount


@pytest.mark.parametrize(
    ("rate", "quantity", "amount"),
    [
        (Rate(PricingModel.FLAT, 2_900), 7, 2_900),
        (Rate(PricingModel.PER_UNIT, 2_900), 7, 20_300),
        (Rate(PricingModel.PACKAGE, 250, 1_000), 1_000, 250),
        (Rate(PricingModel.PACKAGE, 250, 1_000), 1_001, 500),
    ],
)
def test_other_prices(rate: Rate, quantity: int, amount: int) -> None:
    assert pricing.cost(rate, quantity) == amount
    assert pricing.cost(rate, 0) == 0


@given(AMOUNTS, st.lists(st.integers(0, MONTH.seconds), max_size=8), st.sampled_from(Proration))
def test_a_fee_that_is_changed_away_and_back_costs_what_it_would_have(
    amount: int, places: list[int], by: Proration
) -> None:
    """Whatever is credited at a moment and charged at the next leaves what was for the time between."""
    left = [MONTH.rest(BEGIN + timedelta(seconds=place)) for place in sorted(places)]
    parts = [pricing.part(amount, MONTH, one, by, "Europe/Paris") for one in left]
    assert sorted(parts, reverse=True) == parts
    assert all(0 <= part <= amount for part in parts)
    if by is Proration.SECONDS:
        whole = [Fraction(amount * one.seconds, MONTH.seconds) for one in left]
        assert parts == [round(one) for one in whole]
    assert pricing.part(amount, MONTH, MONTH, by, "UTC") == (0 if by is Proration.NONE else amount)


def price(amount: int, included: int = 0, unit: int = 0) -> tuple[Price, ObjectId]:
    """A price with a flat fee, and its meter."""
    made, meter = Price(), new_id()
    made.id, made.rate = new_id(), Rate(PricingModel.FLAT, amount)
    made.components = [MeteredComponent(meter, "Calls", Rate(PricingModel.PER_UNIT, unit), included)]
    return made, meter


OFFERS = st.lists(
    st.builds(CreditOffered, st.builds(new_id), st.sampled_from(CreditKind), st.integers(1, 50_000)), max_size=6
)


@given(
    st.integers(0, 100_000), st.integers(0, 100_000), st.integers(0, 100), st.sampled_from((-1, 1)), OFFERS,
    st.integers(0, 10_000), st.booleans(),
)  # fmt: skip
def test_every_bill_adds_up(
    fee: int, other: int, used: int, sign: int, credits: list[CreditOffered], rate: int, reverse: bool
) -> None:
    (first, meter), (second, _) = price(fee, 10, 37), price(other)
    span = (MONTH.starts_at, MONTH.ends_at, MONTH.starts_at)
    items = [
        InvoiceItem(LineKind.FEE, "Fee", first.id, 1, *span),
        InvoiceItem(LineKind.PRORATION, "Rest", second.id, 1, BEGIN + timedelta(days=9), *span[1:], sign=sign),
        InvoiceItem(LineKind.OVERAGE, "Calls", first.id, used, *span, meter),
    ]
    tax, terms = InvoiceTax(rate, "VAT", reverse), Terms(Proration.SECONDS, "UTC")
    bill = pricing.bill(items, {first.id: first, second.id: second}, credits, tax, terms)
    assert bill.subtotal == fee + sign * round(Fraction(other * 20, 29)) + max(used - 10, 0) * 37
    taken = {kind: sum(bill.used.get(o.credit_id, 0) for o in credits if o.kind is kind) for kind in CreditKind}
    assert taken == bill.by_kind
    assert all(0 < bill.used[one.credit_id] <= one.amount for one in credits if one.credit_id in bill.used)
    free = taken[CreditKind.PROMOTIONAL] + taken[CreditKind.PREPAID]
    assert bill.net == bill.subtotal + bill.carried - free >= 0
    assert bill.tax == (0 if reverse else round(Fraction(bill.net * rate, 10_000)))
    assert bill.total == bill.net + bill.tax == bill.due + taken[CreditKind.BALANCE]
    assert sum(line.amount for line in bill.lines) == bill.due >= 0
    assert bill.carried == max(-bill.subtotal, 0)
    left = bill.due
    for kind in reversed(CreditKind):  # one is used only when there is none left of those before it
        unused = sum(one.amount for one in credits if one.kind is kind) - taken[kind]
        assert not (unused and (left if kind is CreditKind.BALANCE else bill.net))
