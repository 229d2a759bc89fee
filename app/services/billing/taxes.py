"""What tax is due on a sale of services that are supplied electronically. Pure: of what is given, and of nothing else.

seller and buyer in one country      that country's tax; in India CGST and SGST within a state, IGST between two
a business in another country of     none: the buyer accounts for it (reverse charge), if they have a tax id
the European Union                   (Directive 2006/112/EC, Art. 44, 196)
a consumer in another such country   the tax of the buyer's country (Art. 58; declared by the One Stop Shop)
anywhere else abroad                 none by the seller's country (Art. 44, 58, 59; VATA 1994 s. 7A; IGST Act s. 16;
                                     Nigeria Tax Act 2025); what the buyer's country asks of sellers abroad is theirs
a buyer who is exempt                none
a seller without a tax id            none: who is not registered may charge none

A rate of the organization's own is taken in the place of the rate that this would give, and where it would give none
for want of knowing the seller's country or tax id.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.core.rows import Value
from app.services.billing import tax_rates
from app.services.billing.tax_rates import EU, area


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
class TaxPart(Value):
    """A tax of which there are several, in basis points."""

    name: str
    rate: int


@dataclass(frozen=True, slots=True)
class Tax(Value):
    """What is due on a sale: `rate` in basis points of the amount without tax. `parts` together are the rate."""

    rate: int
    name: str
    reason: TaxReason
    country: str | None = None
    """To whom it is due."""
    parts: tuple[TaxPart, ...] = ()

    @property
    def reverse_charge(self) -> bool:
        return self.reason is TaxReason.REVERSE_CHARGE


@dataclass(frozen=True, slots=True)
class Party(Value):
    """A seller or a buyer: where they are, and the tax id that they have, which was checked.

    `own_rate`, of sellers, is the rate that they have set, in basis points; `exempt`, of buyers, that they have shown
    that they owe none.
    """

    country: str | None = None
    region: str | None = None
    tax_id: str | None = None
    own_rate: int | None = None
    exempt: bool = False


NAMES = {"IN": "GST"}
"""Of the tax, where it is not VAT."""


def rate_for(seller: Party, buyer: Party, moment: datetime) -> Tax:
    """What is due when a seller sells to a buyer at a moment."""
    if buyer.exempt:
        return Tax(0, _name(seller.country), TaxReason.EXEMPT)
    if seller.country is None or seller.tax_id is None:
        return _own(seller, seller.country) or Tax(0, _name(seller.country), TaxReason.NOT_REGISTERED)
    here = area(seller.country)
    there = area(buyer.country) if buyer.country else here  # who says nothing is taken to be at home
    if here != there:
        if not (here in EU and there in EU):
            return Tax(0, _name(here), TaxReason.OUTSIDE)
        if buyer.tax_id:
            return Tax(0, _name(there), TaxReason.REVERSE_CHARGE, there)
    return _own(seller, there) or _standard(seller, buyer, there, moment)


def _standard(seller: Party, buyer: Party, country: str, moment: datetime) -> Tax:
    found = tax_rates.standard(country, moment)
    if found is None:
        return Tax(0, _name(country), TaxReason.NOT_REGISTERED)
    if country == "IN":
        return _goods_and_services(found.rate, seller, buyer)
    return Tax(found.rate, _name(country), TaxReason.STANDARD, country)


def _goods_and_services(rate: int, seller: Party, buyer: Party) -> Tax:
    """India's, which goes to the union and the state within a state, and to the union between two (IGST Act s. 5, 8).

    Who does not say where they are is where the seller is (IGST Act s. 12(2)(b)(ii)).
    """
    if buyer.region is not None and buyer.region != seller.region:
        return Tax(rate, "IGST", TaxReason.STANDARD, "IN", (TaxPart("IGST", rate),))
    half = rate // 2
    return Tax(rate, "GST", TaxReason.STANDARD, "IN", (TaxPart("CGST", half), TaxPart("SGST", rate - half)))


def _own(seller: Party, country: str | None) -> Tax | None:
    if seller.own_rate is None:
        return None
    return Tax(seller.own_rate, _name(country), TaxReason.OWN_RATE, country)


def _name(country: str | None) -> str:
    return NAMES.get(country, "VAT") if country else "VAT"
