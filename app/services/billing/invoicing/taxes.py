"""What tax is due on a sale of services that are supplied electronically. Pure: of what is given, and of nothing else.

seller and buyer in one country      that country's tax; in India two halves, CGST and SGST (UTGST in a territory
                                     without legislature), within a state, and IGST between two
a business in another country of     none: the buyer accounts for it (reverse charge), if they have a tax id
the European Union                   (Directive 2006/112/EC, Art. 44, 196)
a consumer in another such country   the tax of the buyer's country (Art. 58; declared by the One Stop Shop)
anywhere else abroad                 none by the seller's country (Art. 44, 58, 59; VATA 1994 s. 7A; IGST Act s. 16;
                                     Nigeria Tax Act 2025); what the buyer's country asks of sellers abroad is theirs
a buyer who is exempt                none, of what the exemption is for
a seller without a tax id            none: who is not registered may charge none

A rate of the organization's own is taken in the place of the rate that this would give, and where it would give none
for want of knowing the seller's country or tax id. In India it has the same parts.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.core.rows import Value
from app.models import InvoiceExemption, TaxPart
from app.services.billing.invoicing import tax_rates
from app.services.billing.invoicing.tax_rates import EU, area
from app.services.billing.invoicing.tax_regions import BETWEEN, INDIA, STATES, UNION, State


class TaxReason(StrEnum):
    """Why a tax is what it is."""

    STANDARD = "standard"
    OWN_RATE = "own_rate"
    """The organization has set it."""
    REVERSE_CHARGE = "reverse_charge"
    """The buyer accounts for it."""
    EXEMPT = "exempt"
    """The buyer is."""
    OUTSIDE = "outside"
    """It is supplied where the seller's country taxes nothing."""
    NOT_REGISTERED = "not_registered"
    """The seller charges none."""


@dataclass(frozen=True, slots=True)
class Tax(Value):
    """What is due on a sale: `rate` in basis points of the amount without tax. `parts` together are the rate."""

    rate: int
    name: str
    reason: TaxReason
    country: str | None = None
    """To whom it is due."""
    parts: tuple[TaxPart, ...] = ()
    place: str | None = None
    """The region in which it is supplied, where the tax depends on it."""
    exemption: InvoiceExemption | None = None
    """Why a buyer owes none who would otherwise."""

    @property
    def reverse_charge(self) -> bool:
        return self.reason is TaxReason.REVERSE_CHARGE


@dataclass(frozen=True, slots=True)
class Exemption(Value):
    """That a buyer owes no tax to a country, with a `region` only on what is supplied there."""

    country: str
    region: str | None
    certificate: str
    reason: str

    def covers(self, due: Tax, buyer: "Party") -> bool:
        """Whether a tax is one of which the buyer is exempt; whose country nobody knows is taken to be."""
        return due.country in (None, self.country) and self.region in (None, due.place or buyer.region)


@dataclass(frozen=True, slots=True)
class Party(Value):
    """A seller or a buyer: where they are, and the tax id that they have, which was checked.

    `own_rate`, of sellers, is the rate that they have set, in basis points; `exemptions`, of buyers, those that
    hold.
    """

    country: str | None = None
    region: str | None = None
    tax_id: str | None = None
    own_rate: int | None = None
    exemptions: tuple[Exemption, ...] = ()


NAMES = {INDIA: "GST"}
"""Of the tax, where it is not VAT."""


def rate_for(seller: Party, buyer: Party, moment: datetime) -> Tax:
    """What is due when a seller sells to a buyer at a moment."""
    due = _due(seller, buyer, moment)
    found = next((one for one in buyer.exemptions if due.rate and one.covers(due, buyer)), None)
    if found is None:
        return due
    said = InvoiceExemption(found.certificate, found.reason)
    return Tax(0, due.name, TaxReason.EXEMPT, due.country, place=due.place, exemption=said)


def _due(seller: Party, buyer: Party, moment: datetime) -> Tax:
    """What is due of a buyer who is not exempt."""
    if seller.country is None or seller.tax_id is None:
        return _own(seller, buyer, seller.country) or Tax(0, _name(seller.country), TaxReason.NOT_REGISTERED)
    here = area(seller.country)
    there = area(buyer.country) if buyer.country else here  # who says nothing is taken to be at home
    if here != there:
        if not (here in EU and there in EU):
            return Tax(0, _name(here), TaxReason.OUTSIDE)
        if buyer.tax_id:
            return Tax(0, _name(there), TaxReason.REVERSE_CHARGE, there)
    return _own(seller, buyer, there) or _standard(seller, buyer, there, moment)


def _standard(seller: Party, buyer: Party, country: str, moment: datetime) -> Tax:
    found = tax_rates.standard(country, moment)
    if found is None:
        return Tax(0, _name(country), TaxReason.NOT_REGISTERED)
    return _charged(found.rate, TaxReason.STANDARD, seller, buyer, country)


def _own(seller: Party, buyer: Party, country: str | None) -> Tax | None:
    if seller.own_rate is None:
        return None
    return _charged(seller.own_rate, TaxReason.OWN_RATE, seller, buyer, country)


def _charged(rate: int, reason: TaxReason, seller: Party, buyer: Party, country: str | None) -> Tax:
    """A rate of a country's tax, in the parts that it has there."""
    if country == INDIA and rate and (home := STATES.get(seller.region or "")):
        return _goods_and_services(rate, reason, home, buyer)
    return Tax(rate, _name(country), reason, country)


def _goods_and_services(rate: int, reason: TaxReason, home: State, buyer: Party) -> Tax:
    """India's, which goes to the union and the state within a state, and to the union between two (IGST Act s. 5, 8).

    Who does not say where they are is where the seller is (s. 12(2)(b)(ii)); abroad is as another state is (s. 7(5)).
    """
    abroad = buyer.country not in (None, INDIA)
    place = None if abroad else buyer.region or home.code
    if place != home.code:
        return Tax(rate, BETWEEN, reason, INDIA, (TaxPart(BETWEEN, rate),), place)
    half = rate // 2
    parts = TaxPart(UNION, half), TaxPart(home.tax, rate - half)
    return Tax(rate, NAMES[INDIA], reason, INDIA, parts, place)


def _name(country: str | None) -> str:
    return NAMES.get(country, "VAT") if country else "VAT"
