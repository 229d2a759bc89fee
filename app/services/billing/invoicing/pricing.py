"""What things cost: integers in, integers out. Previews, rehearsals and invoices are worked out by nothing else.

A line is rounded once, half to even, and so is each tax on all of them. A fee is divided by what is left of a period
after a moment: what is charged from a moment on and credited from a later one are parts of the same division, so
that a fee which is changed away and back costs what it would have cost without.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import orjson
from bson import ObjectId

from app.core.money import WHOLE, fitting, rounded
from app.models import (
    CreditKind,
    CreditOffered,
    InvoiceItem,
    InvoiceLine,
    InvoiceTax,
    LineKind,
    Price,
    PricingModel,
    Proration,
    Rate,
    TaxAmount,
    TaxPart,
)
from app.services.billing.selling.periods import Span

ORDER = tuple(CreditKind)
"""In which credits are used: of one kind, those first that were offered first."""


def cost(rate: Rate, quantity: int) -> int:
    """What a quantity costs, in minor units; none of it costs nothing. Raises OutOfRange."""
    if quantity <= 0:
        return 0
    match rate.model:
        case PricingModel.FLAT:
            amount = rate.amount
        case PricingModel.PER_UNIT:
            amount = rate.amount * quantity
        case PricingModel.PACKAGE:
            amount = rate.amount * -(-quantity // rate.package_size)
        case PricingModel.GRADUATED:
            amount = _graduated(rate, quantity)
        case PricingModel.VOLUME:
            tier = next(one for one in rate.tiers if one.up_to is None or quantity <= one.up_to)
            amount = tier.unit_amount * quantity + tier.flat_amount
    return fitting(amount)


def _graduated(rate: Rate, quantity: int) -> int:
    amount, below = 0, 0
    for tier in rate.tiers:
        if quantity <= below:
            break
        top = quantity if tier.up_to is None else min(quantity, tier.up_to)
        amount += tier.unit_amount * (top - below) + tier.flat_amount
        below = top
    return amount


def part(amount: int, whole: Span, left: Span, by: Proration, zone: str) -> int:
    """The part of an amount for a period that is for what is left of it, rounded half to even."""
    if by is Proration.NONE:
        return 0
    lengths = (left.seconds, whole.seconds) if by is Proration.SECONDS else (left.days(zone), whole.days(zone))
    return rounded(amount * lengths[0], lengths[1]) if lengths[1] > 0 else 0


@dataclass(frozen=True, slots=True)
class Terms:
    """By what items are priced besides their prices."""

    proration: Proration
    zone: str


@dataclass(frozen=True, slots=True)
class Bill:
    """What an invoice comes to, in minor units. What is `used` of credits pays `carried` to `due` as `Invoice` says."""

    lines: list[InvoiceLine]
    subtotal: int
    net: int
    tax: int
    taxes: list[TaxAmount]
    """What `tax` is made of."""
    total: int
    due: int
    carried: int
    used: Mapping[ObjectId, int]
    """Of each credit."""
    by_kind: Mapping[CreditKind, int]


def line_of(item: InvoiceItem, price: Price, terms: Terms) -> InvoiceLine:
    """What an item costs."""
    if item.kind is LineKind.OVERAGE:
        component = next(one for one in price.components if one.meter_id == item.meter_id)
        beyond = max(item.quantity - component.included, 0)
        amount, quantity = cost(component.rate, beyond), beyond
    else:
        amount, quantity = cost(price.rate, item.quantity), item.quantity
        if item.kind is LineKind.PRORATION:
            whole = Span(item.period_starts_at, item.ends_at)
            amount = part(amount, whole, whole.rest(item.starts_at), terms.proration, terms.zone)
    return InvoiceLine(item.kind, item.name, quantity, item.sign * amount, item.starts_at, item.ends_at)


def bill(
    items: Sequence[InvoiceItem],
    prices: Mapping[ObjectId, Price],
    credits: Sequence[CreditOffered],
    tax: InvoiceTax,
    terms: Terms,
) -> Bill:
    """Price items, take off credits, add the taxes, and take off balances. Raises OutOfRange.

    Promotional and prepaid credit lowers what is taxed: of the one nothing is paid, of the other the tax was paid with
    it. A balance holds what was paid with tax, so it pays the total. Nothing falls below zero: what is credited beyond
    what is charged is carried to the next invoice.
    """
    lines = [line_of(item, prices[item.price_id], terms) for item in items]
    subtotal = fitting(sum(line.amount for line in lines))
    used: dict[ObjectId, int] = {}
    by_kind = dict.fromkeys(CreditKind, 0)
    left = max(subtotal, 0)
    for kind in (CreditKind.PROMOTIONAL, CreditKind.PREPAID):
        left -= _use(kind, credits, left, used, by_kind)
        if by_kind[kind]:
            lines.append(InvoiceLine(LineKind.CREDIT, kind.value, 1, -by_kind[kind]))
    carried = max(-subtotal, 0)
    if carried:
        lines.append(InvoiceLine(LineKind.CARRIED, "carried", 1, carried))
    owed = taxes(left, tax)
    lines += [InvoiceLine(LineKind.TAX, one.name, 1, one.amount) for one in owed if one.amount]
    taxed = sum(one.amount for one in owed)
    total = fitting(left + taxed)
    balance = _use(CreditKind.BALANCE, credits, total, used, by_kind)
    if balance:
        lines.append(InvoiceLine(LineKind.BALANCE, CreditKind.BALANCE.value, 1, -balance))
    return Bill(lines, subtotal, left, taxed, owed, total, total - balance, carried, used, by_kind)


def taxes(net: int, tax: InvoiceTax | None) -> list[TaxAmount]:
    """What each tax on an amount without tax comes to, rounded half to even; none where nothing is due."""
    if tax is None or tax.reverse_charge or not tax.rate:
        return []
    parts = tax.parts or [TaxPart(tax.name, tax.rate)]
    return [TaxAmount(part.name, part.rate, rounded(net * part.rate, WHOLE)) for part in parts]


def taken_back(taxes: Sequence[TaxAmount], total: int, before: int, after: int) -> list[TaxAmount]:
    """What of each tax on a total is taken back with what lies between two parts of it, `before` and `after`.

    Each is as much of its tax as that is of the total, rounded half to even as counted from nothing. So equal taxes
    stay equal, and with all of the total all of each is taken back, in however many pieces.
    """
    return [
        replace(one, amount=rounded(after * one.amount, total) - rounded(before * one.amount, total)) for one in taxes
    ]


def _use(
    kind: CreditKind,
    credits: Sequence[CreditOffered],
    most: int,
    used: dict[ObjectId, int],
    by_kind: dict[CreditKind, int],
) -> int:
    """Use as much as there is of a kind, and answer how much that was."""
    wanted = most
    for credit in credits:
        if credit.kind is kind and most and (taken := min(credit.amount, most)):
            used[credit.credit_id] = taken
            most -= taken
    by_kind[kind] = wanted - most
    return by_kind[kind]


ADDED: Mapping[type, frozenset[str]] = {InvoiceTax: frozenset({"parts", "place", "exemption"})}
"""Attributes that came later: no part of a digest where they say nothing, so that what is older has the same one."""


def digest(*said: Any) -> bytes:
    """SHA-256 of what an invoice is made of and comes to."""
    return hashlib.sha256(orjson.dumps(said, default=_plain, option=orjson.OPT_PASSTHROUGH_DATACLASS)).digest()


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, ObjectId):
        return str(value)
    later = ADDED.get(type(value), frozenset())
    return {name: said for name, said in asdict(value).items() if said or name not in later}
