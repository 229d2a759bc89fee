"""The PDFs of invoices and credit notes: what one shows, in its language and its colours, made by a job and kept."""

import hashlib
import io
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from babel.dates import format_date
from babel.numbers import format_percent
from bson import ObjectId

from app.core import changes, clock, typesetting
from app.core.actor import Actor
from app.core.clock import new_id, now
from app.core.errors import NotFound, Unauthenticated
from app.core.money import Money
from app.core.rows import Names
from app.core.settings import settings
from app.core.words import languages, said, words
from app.integrations import storage
from app.models import CreditNotePdf, CreditNotePdfDocument, InvoiceExemption, InvoicePdf, InvoicePdfDocument
from app.models.billing.invoice_pdfs import Pdf
from app.services.identity import tokens

TEMPLATE = Path(__file__).parent / "templates" / "invoice.typ"
BRAND, ON_BRAND = "#1f2937", "#ffffff"
"""Where an organization has chosen no colours."""
RIGHT_TO_LEFT = "\u200f"
"""A mark that amounts in Arabic begin with; the template lays them out left to right, the sign first."""
PLATFORM = Actor.platform()
STEP = int(timedelta(hours=1).total_seconds())
"""Links are the same for so long."""
Kept = tuple[type[InvoicePdf] | type[CreditNotePdf], type[InvoicePdfDocument] | type[CreditNotePdfDocument], str]
"""The row and the document of what is kept, and by what it names what it shows."""
INVOICES: Kept = (InvoicePdf, InvoicePdfDocument, "invoice_id")
CREDIT_NOTES: Kept = (CreditNotePdf, CreditNotePdfDocument, "credit_note_id")


@dataclass(frozen=True, slots=True)
class PartyShown:
    """Who sells or buys: a legal name, the lines of an address, and a tax id."""

    name: str
    lines: Sequence[str] = ()
    tax_id: str | None = None


@dataclass(frozen=True, slots=True)
class LineShown:
    """What is charged: how often, at which price, and what that comes to without tax. Credits are below zero."""

    description: str
    amount: Money
    quantity: str = ""
    unit_price: Money | None = None
    detail: str = ""
    """Such as the days that it is for."""


@dataclass(frozen=True, slots=True)
class TaxShown:
    """A tax, its rate in basis points, and what it comes to."""

    name: str
    rate: int
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceShown:
    """Everything that stands on an invoice, or on a credit note."""

    number: str
    issued_on: date
    due_on: date | None = None
    seller: PartyShown
    buyer: PartyShown
    lines: Sequence[LineShown]
    subtotal: Money
    taxes: Sequence[TaxShown] = ()
    total: Money
    paid: Money | None = None
    """What was paid of it by then; what is left is shown too."""
    reverse_charge: bool = False
    place_of_supply: str | None = None
    """Where the law wants it to be said, as in India."""
    exemption: InvoiceExemption | None = None
    credit_note: bool = False
    credits: str | None = None
    """The number of the invoice that a credit note takes back."""
    purchase_order: str | None = None
    notes: Sequence[str] = ()
    """In the language of the invoice: how to pay, such as an account and a reference."""
    language: str = "en"
    sender: str
    """Under which name the organization is known."""
    brand_color: str | None = None
    brand_text_color: str | None = None


async def typeset(invoice: InvoiceShown) -> bytes:
    """The PDF of an invoice: the same bytes for the same invoice. Raises typesetting.NotTypeset."""
    return await typesetting.pdf(TEMPLATE, laid_out(invoice), _midnight(invoice.issued_on))


async def pictures(invoice: InvoiceShown, *, ppi: int) -> list[bytes]:
    """Its pages as PNG. Raises typesetting.NotTypeset."""
    return await typesetting.pictures(TEMPLATE, laid_out(invoice), _midnight(invoice.issued_on), ppi=ppi)


def laid_out(invoice: InvoiceShown) -> dict[str, Any]:
    """What the template shows: texts only, in the language of the invoice."""
    code = invoice.language if invoice.language in languages() else "en"

    def money(amount: Money | None) -> str:
        return amount.said(code).replace(RIGHT_TO_LEFT, "") if amount is not None else ""

    facts = [(said(words("Date"), code), _day(invoice.issued_on, code), False)]
    if invoice.due_on:
        facts.append((said(words("Due"), code), _day(invoice.due_on, code), False))
    if invoice.credits:
        facts.append((said(words("Takes back"), code), invoice.credits, True))
    if invoice.purchase_order:
        facts.append((said(words("Purchase order"), code), invoice.purchase_order, True))
    if invoice.place_of_supply:
        facts.append((said(words("Place of supply"), code), invoice.place_of_supply, True))
    sums = [[said(words("Subtotal"), code), money(invoice.subtotal)]]
    sums += [[f"{tax.name} {_percent(tax.rate, code)}", money(tax.amount)] for tax in invoice.taxes]
    label, total = said(words("Total"), code), invoice.total
    if invoice.paid is not None:
        sums += [[label, money(total)], [said(words("Paid"), code), money(-invoice.paid)]]
        label, total = said(words("Amount due"), code), invoice.total - invoice.paid
    notes = list(invoice.notes)
    if invoice.reverse_charge:
        notes.append(said(words("Reverse charge: the customer accounts for the tax."), code))
    if exempt := invoice.exemption:
        why = words(
            "Exempt from tax: {reason} (certificate {certificate}).",
            reason=exempt.reason,
            certificate=exempt.certificate,
        )
        notes.append(said(why, code))
    return {
        "language": code,
        "brand": invoice.brand_color or BRAND,
        "on_brand": (invoice.brand_text_color if invoice.brand_color else None) or ON_BRAND,
        "title": said(words("Credit note") if invoice.credit_note else words("Invoice"), code),
        "number": invoice.number,
        "sender": invoice.sender,
        "seller": _party(invoice.seller),
        "buyer": _party(invoice.buyer),
        "labels": {
            "from": said(words("From"), code),
            "to": said(words("Bill to"), code),
            "tax_id": said(words("Tax ID"), code),
        },
        "facts": facts,
        "columns": [
            said(words("Description"), code),
            said(words("Quantity"), code),
            said(words("Unit price"), code),
            said(words("Amount"), code),
        ],
        "lines": [
            {
                "description": line.description,
                "detail": line.detail,
                "quantity": line.quantity,
                "unit_price": money(line.unit_price),
                "amount": money(line.amount),
            }
            for line in invoice.lines
        ],
        "sums": sums,
        "total": [label, money(total)],
        "notes": notes,
        "page": said(words("Page {page} of {pages}", page="{page}", pages="{pages}"), code),
    }


async def keep(actor: Actor, id: ObjectId, shown: InvoiceShown) -> Pdf | None:
    """Typeset an invoice, or a credit note, of the actor's organization and keep it; again, nothing happens.

    None without a storage.
    """
    assert actor.organization_id
    model, document, by = CREDIT_NOTES if shown.credit_note else INVOICES
    where = model.within(actor, {by: id})
    found = await model.lookup(actor, where)
    if found is not None or not storage.configured():
        return found
    content = await typeset(shown)
    row = document(
        id=new_id(),
        organization_id=actor.organization_id,
        number=shown.number,
        language=shown.language,
        size=len(content),
        digest=hashlib.sha256(content).digest(),
        made_at=now(),
        **{by: id},
    )
    await storage.put(row.place, io.BytesIO(content))
    return (await changes.insert_once(row, where))[0]


async def urls(actor: Actor, invoice_ids: Iterable[Any], fields: Names | None = None) -> Mapping[Any, str]:
    """Where the PDFs of these invoices are, for one to two hours: of those that are made. Their reader may see them."""
    return await _urls(INVOICES, invoice_ids)


async def note_urls(actor: Actor, note_ids: Iterable[Any], fields: Names | None = None) -> Mapping[Any, str]:
    """The same of credit notes."""
    return await _urls(CREDIT_NOTES, note_ids)


async def _urls(kept: Kept, ids: Iterable[Any]) -> Mapping[Any, str]:
    model, _, by = kept
    rows = await model.select(PLATFORM, {by: {"$in": list(ids)}})
    until = (int(clock.source()) // STEP + 2) * STEP
    return {row.of: settings().address(f"invoices/{tokens.invoice(row.id, until)}.pdf") for row in rows}


async def fetch(token: str) -> tuple[Pdf, AsyncIterator[bytes]]:
    """The PDF that a link is for. Raises NotFound."""
    row: Pdf | None = None
    with suppress(Unauthenticated):
        id = tokens.invoiced(token)
        row = await InvoicePdf.lookup(PLATFORM, _id=id) or await CreditNotePdf.lookup(PLATFORM, _id=id)
    if row is None or not storage.configured():
        raise NotFound("There is no such {kind}.", kind="Invoice")
    return row, storage.read(row.place, row.size)


async def remove_of(organization_id: ObjectId) -> None:
    """Remove the PDFs of an organization's invoices and credit notes; their rows go by themselves."""
    if storage.configured():
        await storage.empty(f"invoices/{organization_id}")


def _party(one: PartyShown) -> dict[str, Any]:
    return {"name": one.name, "lines": [line for line in one.lines if line], "tax_id": one.tax_id}


def _day(day: date, code: str) -> str:
    return format_date(day, "long", locale=code)


def _percent(rate: int, code: str) -> str:
    return str(format_percent(Decimal(rate).scaleb(-4), "#,##0.##%", locale=code))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
