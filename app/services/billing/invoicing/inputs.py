"""What an invoice follows from besides its items: usage, credits and the tax, as they are at a moment."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from bson import ObjectId

from app.core.actor import Actor
from app.core.paging import Order
from app.models import Buyer, Credit, CreditOffered, CustomerKind, InvoiceItem, InvoiceTax, LineKind, Price, Proration
from app.services.billing.invoicing import pricing, tax_exemptions, tax_profiles, taxes
from app.services.billing.invoicing.pricing import Bill, Terms
from app.services.billing.metering import usage

read_usage = usage.total
close_usage = usage.close
FIRST_OFFERED = Order(("_id",), descending=False)


class Basis(Protocol):
    """What is billed to whom: of `items.Basis` and of an invoice."""

    @property
    def organization_id(self) -> ObjectId: ...
    @property
    def customer_kind(self) -> CustomerKind: ...
    @property
    def customer_id(self) -> ObjectId: ...
    @property
    def currency(self) -> str: ...
    @property
    def items(self) -> list[InvoiceItem]: ...
    @property
    def time_zone(self) -> str: ...
    @property
    def proration(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Inputs:
    """All that a bill follows from."""

    items: list[InvoiceItem]
    prices: Mapping[ObjectId, Price]
    credits: list[CreditOffered]
    tax: InvoiceTax
    terms: Terms

    def bill(self) -> Bill:
        return pricing.bill(self.items, self.prices, self.credits, self.tax, self.terms)


async def gather(basis: Basis, moment: datetime) -> Inputs:
    """What an invoice follows from if it is issued at a moment."""
    seller = Actor.platform(basis.organization_id)
    items = [await _used(seller, basis.customer_id, item) for item in basis.items]
    tax = await _tax(basis, moment)
    return Inputs(items, await prices_of(seller, items), await _offered(seller, basis, moment), tax, terms(basis))


async def close(basis: Basis) -> None:
    """Let the usage that is billed be final, in the scope that bills it: what comes later counts in the next window."""
    seller, buyer = Actor.platform(basis.organization_id), Buyer(basis.customer_kind, basis.customer_id)
    for item in basis.items:
        if item.kind is LineKind.OVERAGE:
            assert item.meter_id
            await close_usage(seller, item.meter_id, buyer, item.starts_at, item.ends_at)


def terms(basis: Basis) -> Terms:
    return Terms(Proration(basis.proration), basis.time_zone)


async def prices_of(seller: Actor, items: list[InvoiceItem]) -> Mapping[ObjectId, Price]:
    found = await Price.by_ids(seller, {item.price_id for item in items})
    return {price.id: price for price in found.values()}


async def _tax(basis: Basis, moment: datetime) -> InvoiceTax:
    seller = await tax_profiles.seller(basis.organization_id)
    customer = Buyer(basis.customer_kind, basis.customer_id)
    exemptions = await tax_exemptions.holding(Actor.platform(basis.organization_id), customer, moment)
    due = taxes.rate_for(seller, await tax_profiles.buyer(customer, exemptions), moment)
    return InvoiceTax(due.rate, due.name, due.reverse_charge, list(due.parts), due.place, due.exemption)


async def _used(seller: Actor, customer_id: ObjectId, item: InvoiceItem) -> InvoiceItem:
    if item.kind is not LineKind.OVERAGE:
        return item
    assert item.meter_id
    used = await read_usage(seller, item.meter_id, customer_id, item.starts_at, item.ends_at)
    return replace(item, quantity=used)


async def _offered(seller: Actor, basis: Basis, moment: datetime) -> list[CreditOffered]:
    where = {"customer_id": basis.customer_id, "currency": basis.currency, "left": {"$gt": 0}}
    found = await Credit.select(seller, where, order=FIRST_OFFERED)
    good = [one for one in found if one.expires_at is None or one.expires_at > moment]
    return [CreditOffered(one.id, one.kind, one.left) for one in good]
