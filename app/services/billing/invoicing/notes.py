"""What there is to an invoice besides itself, for whoever may see it."""

from bson import ObjectId

from app.core.actor import Actor
from app.core.paging import Order
from app.models import CreditNote, Invoice, TaxAmount
from app.services.billing.invoicing import inputs, invoices, pricing

PLATFORM = Actor.platform()
MOST = 200


async def find(actor: Actor, id: ObjectId) -> CreditNote | None:
    """One of an invoice that the actor may see."""
    note = await CreditNote.lookup(PLATFORM, _id=id)
    return note if note is not None and await invoices.find(actor, note.invoice_id) is not None else None


async def of(invoice_id: ObjectId) -> list[CreditNote]:
    """Its credit notes, the first first."""
    invoice = await Invoice.lookup(PLATFORM, _id=invoice_id, fields=frozenset({"organization_id"}))
    if invoice is None:
        return []
    seller, order = Actor.platform(invoice.organization_id), Order(("_id",), descending=False)
    return await CreditNote.select(seller, {"invoice_id": invoice_id}, order=order, limit=MOST)


def fingerprint(note: CreditNote, invoice: Invoice) -> bytes:
    """The digest of what a credit note says, of which invoice; of what one without taxes said before there were any."""
    said = note.number, note.amount, note.tax_amount, note.reason
    return pricing.digest(note.id, invoice.id, invoice.digest, *said, *([note.taxes] if note.taxes else []))


def verify(note: CreditNote, invoice: Invoice) -> bool:
    """Whether a credit note adds up, and comes to the same digest."""
    taxed = sum(tax.amount for tax in note.taxes) == note.tax_amount or not note.taxes
    return taxed and note.net + note.tax_amount == note.amount and fingerprint(note, invoice) == note.digest


def taxes(note: CreditNote, invoice: Invoice) -> list[TaxAmount]:
    """What its tax is made of: in notes from before there were several taxes, of the one that its invoice has."""
    tax = invoice.tax
    if note.taxes or tax is None or not tax.rate:
        return note.taxes
    return [TaxAmount(tax.name, tax.rate, note.tax_amount)]


async def note_taxes(note_id: ObjectId) -> list[TaxAmount]:
    """The same of a note whose reader may see it."""
    note = await CreditNote.lookup(PLATFORM, _id=note_id)
    return taxes(note, await Invoice.require(Actor.platform(note.organization_id), note.invoice_id)) if note else []


async def note_verified(note_id: ObjectId) -> bool:
    """Whether a credit note is as it was issued."""
    note = await CreditNote.lookup(PLATFORM, _id=note_id)
    invoice = await Invoice.lookup(Actor.platform(note.organization_id), _id=note.invoice_id) if note else None
    return note is not None and invoice is not None and verify(note, invoice)


async def verified(invoice_id: ObjectId) -> bool:
    """Whether it was issued, and worked out again comes to the same."""
    invoice = await Invoice.lookup(PLATFORM, _id=invoice_id)
    if invoice is None or not invoice.digest:
        return False
    prices = await inputs.prices_of(Actor.platform(invoice.organization_id), invoice.items)
    return invoices.verify(invoice, prices)
