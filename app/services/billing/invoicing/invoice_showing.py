"""What an invoice or a credit note shows: what it says, and who sells and buys, as they are known when it is made."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TypedDict
from zoneinfo import ZoneInfo

from babel.dates import format_date
from bson import ObjectId

from app.core.actor import Actor
from app.core.errors import NotFound
from app.core.money import Money
from app.core.words import negotiated
from app.models import (
    PLATFORM_ID,
    Buyer,
    CreditNote,
    CustomerKind,
    Invoice,
    InvoiceExemption,
    InvoiceLine,
    LineKind,
    Organization,
    TaxAmount,
    User,
)
from app.models.billing.invoice_pdfs import Pdf
from app.models.billing.tax_profiles import TaxDetails
from app.services.billing.buyers import buyer_of
from app.services.billing.invoicing import invoice_pdfs, notes, pricing, tax_profiles
from app.services.billing.invoicing.invoice_pdfs import InvoiceShown, LineShown, PartyShown, TaxShown
from app.services.billing.invoicing.tax_regions import STATES

PLATFORM = Actor.platform()
OURS = "Atrium"
COUNTED = frozenset({LineKind.FEE, LineKind.OVERAGE})
"""Lines that say of how much they are."""
AFTER = frozenset({LineKind.TAX, LineKind.BALANCE})
"""Lines that stand below the others: the tax, and what balances have paid."""


async def make_pdf(invoice_id: ObjectId) -> Pdf | None:
    """Make the PDF of an invoice that was issued, once. None without a storage. Raises NotFound."""
    invoice = await Invoice.lookup(PLATFORM, _id=invoice_id)
    if invoice is None or invoice.number is None:
        raise NotFound("There is no such {kind}.", kind="Invoice")
    return await invoice_pdfs.keep(Actor.platform(invoice.organization_id), invoice.id, await shown(invoice))


async def make_note_pdf(note_id: ObjectId) -> Pdf | None:
    """Make the PDF of a credit note, once. None without a storage. Raises NotFound."""
    note = await CreditNote.lookup(PLATFORM, _id=note_id)
    if note is None:
        raise NotFound("There is no such {kind}.", kind="CreditNote")
    seller = Actor.platform(note.organization_id)
    invoice = await Invoice.require(seller, note.invoice_id)
    return await invoice_pdfs.keep(seller, note.id, await shown_note(note, invoice))


async def shown(invoice: Invoice) -> InvoiceShown:
    """An issued invoice."""
    assert invoice.number
    assert invoice.issued_at
    zone, parties = ZoneInfo(invoice.time_zone), await _parties(invoice)
    settled = invoice.total - invoice.due
    return InvoiceShown(
        number=invoice.number,
        issued_on=invoice.issued_at.astimezone(zone).date(),
        due_on=invoice.due_at.astimezone(zone).date() if invoice.due_at and invoice.due else None,
        lines=[*_lines(invoice, zone, parties["language"])],
        subtotal=Money(invoice.net, invoice.currency),
        taxes=_taxes(pricing.taxes(invoice.net, invoice.tax), invoice.currency),
        total=Money(invoice.total, invoice.currency),
        paid=Money(settled, invoice.currency) if settled else None,
        **parties,
    )


async def shown_note(note: CreditNote, invoice: Invoice) -> InvoiceShown:
    """A credit note: what it takes back is below zero, by the tax of its invoice."""
    assert invoice.number
    net = -Money(note.net, note.currency)
    return InvoiceShown(
        number=note.number,
        issued_on=note.created_at.astimezone(ZoneInfo(invoice.time_zone)).date(),
        lines=[LineShown(note.reason, net)],
        subtotal=net,
        taxes=_taxes(notes.taxes(note, invoice), note.currency, -1),
        total=-Money(note.amount, note.currency),
        credit_note=True,
        credits=invoice.number,
        **await _parties(invoice),
    )


class Parties(TypedDict):
    """What invoices and credit notes show alike: who sells and buys, in whose language and colours."""

    seller: PartyShown
    buyer: PartyShown
    reverse_charge: bool
    place_of_supply: str | None
    exemption: InvoiceExemption | None
    language: str
    sender: str
    brand_color: str | None
    brand_text_color: str | None


async def _parties(invoice: Invoice) -> Parties:
    buyer = buyer_of(invoice)
    seller = await Organization.lookup(PLATFORM, _id=invoice.organization_id)
    name, locale = await _known(buyer)
    selling = await tax_profiles.profile_of(Buyer(CustomerKind.ORGANIZATION, invoice.organization_id))
    sender = (seller.sender_name or seller.name) if seller else OURS
    return Parties(
        seller=_party(selling, sender),
        buyer=_party(await tax_profiles.profile_of(buyer), name),
        reverse_charge=invoice.tax.reverse_charge if invoice.tax else False,
        place_of_supply=STATES[place].said if invoice.tax and (place := invoice.tax.place) else None,
        exemption=invoice.tax.exemption if invoice.tax else None,
        language=negotiated(locale),
        sender=sender,
        brand_color=seller.brand_color if seller and invoice.organization_id != PLATFORM_ID else None,
        brand_text_color=seller.brand_text_color if seller else None,
    )


def _taxes(taxes: Sequence[TaxAmount], currency: str, sign: int = 1) -> list[TaxShown]:
    return [TaxShown(tax.name, tax.rate, Money(sign * tax.amount, currency)) for tax in taxes]


def _lines(invoice: Invoice, zone: ZoneInfo, language: str) -> Iterator[LineShown]:
    for line in invoice.lines:
        if line.kind not in AFTER:
            quantity = str(line.quantity) if line.kind in COUNTED else ""
            amount = Money(line.amount, invoice.currency)
            yield LineShown(line.name, amount, quantity, detail=_period(line, zone, language))


def _period(line: InvoiceLine, zone: ZoneInfo, language: str) -> str:
    """The days that a line is for, the last included."""
    if line.starts_at is None or line.ends_at is None:
        return ""
    return f"{_day(line.starts_at, zone, language)} – {_day(line.ends_at - timedelta(seconds=1), zone, language)}"


def _day(moment: datetime, zone: ZoneInfo, language: str) -> str:
    return format_date(moment.astimezone(zone).date(), "medium", locale=language)


async def _known(buyer: Buyer) -> tuple[str, str]:
    """What a buyer is called, and the locale that they have chosen."""
    if buyer.kind is CustomerKind.PERSON:
        person = await User.lookup(PLATFORM, _id=buyer.id)
        return (person.name, person.locale) if person else ("", "")
    organization = await Organization.lookup(PLATFORM, _id=buyer.id)
    return (organization.name, organization.locale) if organization else ("", "")


def _party(profile: TaxDetails | None, name: str) -> PartyShown:
    if profile is None:
        return PartyShown(name)
    town = " ".join(part for part in (profile.postal_code, profile.city) if part)
    return PartyShown(profile.legal_name, [profile.street, town, profile.country], profile.tax_id)
