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
    InvoiceExemption,
    InvoiceItem,
    InvoiceTax,
    LineKind,
    MeteredComponent,
    Price,
    PriceTier,
    PricingModel,
    Proration,
    Rate,
    TaxAmount,
    TaxPart,
)
from app.services.billing.invoicing import pricing
from app.services.billing.invoicing.pricing import Terms
from app.services.billing.selling.periods import Span

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
    st.integers(0, 10_000), st.lists(st.integers(0, 10_000), max_size=3), st.booleans(),
)  # fmt: skip
def test_every_bill_adds_up(
    fee: int,
    other: int,
    used: int,
    sign: int,
    credits: list[CreditOffered],
    rate: int,
    several: list[int],
    reverse: bool,
) -> None:
    (first, meter), (second, _) = price(fee, 10, 37), price(other)
    span = (MONTH.starts_at, MONTH.ends_at, MONTH.starts_at)
    items = [
        InvoiceItem(LineKind.FEE, "Fee", first.id, 1, *span),
        InvoiceItem(LineKind.PRORATION, "Rest", second.id, 1, BEGIN + timedelta(days=9), *span[1:], sign=sign),
        InvoiceItem(LineKind.OVERAGE, "Calls", first.id, used, *span, meter),
    ]
    parts = [TaxPart(f"Tax {n}", one) for n, one in enumerate(several)]
    rates = several or [rate]
    tax, terms = InvoiceTax(sum(rates), "VAT", reverse, parts), Terms(Proration.SECONDS, "UTC")
    bill = pricing.bill(items, {first.id: first, second.id: second}, credits, tax, terms)
    assert bill.subtotal == fee + sign * round(Fraction(other * 20, 29)) + max(used - 10, 0) * 37
    taken = {kind: sum(bill.used.get(o.credit_id, 0) for o in credits if o.kind is kind) for kind in CreditKind}
    assert taken == bill.by_kind
    assert all(0 < bill.used[one.credit_id] <= one.amount for one in credits if one.credit_id in bill.used)
    free = taken[CreditKind.PROMOTIONAL] + taken[CreditKind.PREPAID]
    assert bill.net == bill.subtotal + bill.carried - free >= 0
    each = [] if reverse or not sum(rates) else [round(Fraction(bill.net * one, 10_000)) for one in rates]
    assert [(one.rate, one.amount) for one in bill.taxes] == [*zip(rates, each, strict=False)]
    assert [line.amount for line in bill.lines if line.kind is LineKind.TAX] == [one for one in each if one]
    assert bill.tax == sum(each)
    assert bill.total == bill.net + bill.tax == bill.due + taken[CreditKind.BALANCE]
    assert sum(line.amount for line in bill.lines) == bill.due >= 0
    assert bill.carried == max(-bill.subtotal, 0)
    left = bill.due
    for kind in reversed(CreditKind):  # one is used only when there is none left of those before it
        unused = sum(one.amount for one in credits if one.kind is kind) - taken[kind]
        assert not (unused and (left if kind is CreditKind.BALANCE else bill.net))


def test_each_tax_is_rounded_by_itself() -> None:
    """Half of 18 % of 0.61 rupees is 5.49 paise: twice 5, where 18 % at once were 11."""
    halves = InvoiceTax(1_800, "GST", parts=[TaxPart("CGST", 900), TaxPart("SGST", 900)])
    assert [one.amount for one in pricing.taxes(61, halves)] == [5, 5]
    assert [one.amount for one in pricing.taxes(61, InvoiceTax(1_800, "IGST"))] == [11]
    assert pricing.taxes(61, InvoiceTax(0, "VAT", reverse_charge=True)) == pricing.taxes(61, None) == []


@given(st.integers(0, 10**6), st.lists(st.integers(0, 5_000), min_size=1, max_size=3), st.data())
def test_what_is_taken_back_in_pieces_is_all_of_each_tax(net: int, rates: list[int], data: st.DataObject) -> None:
    parts = [TaxPart(f"Tax {n}", rate) for n, rate in enumerate(rates)]
    taxes = pricing.taxes(net, InvoiceTax(sum(rates), "Tax", parts=parts))
    total = net + sum(one.amount for one in taxes)
    cuts = sorted(data.draw(st.lists(st.integers(0, total), max_size=6)))
    pieces = [
        pricing.taken_back(taxes, total, before, after)
        for before, after in zip([0, *cuts], [*cuts, total], strict=True)
        if after > before
    ]
    for place, one in enumerate(taxes):
        taken = [piece[place] for piece in pieces]
        assert all(piece.amount >= 0 and (piece.name, piece.rate) == (one.name, one.rate) for piece in taken)
        assert sum(piece.amount for piece in taken) == (one.amount if total else 0)
    equal = [(a, b) for a in range(len(rates)) for b in range(a) if rates[a] == rates[b]]
    assert all(piece[a].amount == piece[b].amount for piece in pieces for a, b in (equal if taxes else []))


OLD = [InvoiceTax(1_900, "VAT"), InvoiceTax(0, "VAT", reverse_charge=True), InvoiceTax()]


def test_what_came_later_leaves_the_digests_of_older_invoices_as_they_are() -> None:
    assert pricing.digest(OLD).hex() == "f9c6d5123c2e38e602d808943dbe6d887e6db810439a2d19fec5757feea267c2"
    said = [
        InvoiceTax(1_900, "VAT"),
        InvoiceTax(1_900, "VAT", parts=[TaxPart("VAT", 1_900)]),
        InvoiceTax(1_900, "VAT", place="29"),
        InvoiceTax(1_900, "VAT", exemption=InvoiceExemption("1", "A school.")),
    ]
    assert len({pricing.digest(one) for one in said}) == len(said)


def test_a_tax_on_nothing_is_shown_and_is_no_line() -> None:
    bill = pricing.bill([], {}, [], InvoiceTax(1_900, "VAT"), Terms(Proration.SECONDS, "UTC"))
    assert (bill.lines, bill.taxes) == ([], [TaxAmount("VAT", 1_900, 0)])
