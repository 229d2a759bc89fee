"""Whether what a seller has invoiced and taken back is as it was issued: worked out again, its numbers counted."""

from dataclasses import dataclass
from typing import Any

from bson import ObjectId

from app.core.actor import Actor
from app.core.paging import Order
from app.models import CreditNote, Invoice, NumberSeries, Price
from app.services.billing.invoicing import invoices, notes, numbers

BATCH = 500
BY_ID = Order(("_id",), descending=False)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, with which invoice, credit note or series of numbers."""

    what: str
    name: str


async def faults(seller_id: ObjectId) -> list[Fault]:
    """Invoices and credit notes that do not come to what they say, and missing numbers; a batch is read at a time."""
    seller, found = Actor.platform(seller_id), list[Fault]()
    prices: dict[ObjectId, Price] = {}
    issued, after = set[str](), None
    while rows := await _after(seller, after):
        await _know(seller, prices, rows)
        for row in rows:
            if row.number is None:
                continue
            issued.add(row.number)
            if not invoices.verify(row, prices):
                found.append(Fault("it cannot be worked out again", row.number))
        after = rows[-1].id
    noted, after = set[str](), None
    while found_notes := await CreditNote.select(seller, _past(after), order=BY_ID, limit=BATCH):
        of = await Invoice.by_ids(seller, {note.invoice_id for note in found_notes})
        for note in found_notes:
            noted.add(note.number)
            if note.invoice_id not in of or not notes.verify(note, of[note.invoice_id]):
                found.append(Fault("it cannot be worked out again", note.number))
        after = found_notes[-1].id
    for series, taken in ((numbers.INVOICES, issued), (numbers.CREDIT_NOTES, noted)):
        last = await NumberSeries.lookup(seller, series=series)
        wanted = {numbers.written(series, number) for number in range(1, (last.last if last else 0) + 1)}
        found += [Fault("this number is missing, or is none of the series", name) for name in sorted(wanted ^ taken)]
    return found


async def _after(seller: Actor, id: ObjectId | None) -> list[Invoice]:
    return await Invoice.select(seller, _past(id), order=BY_ID, limit=BATCH)


def _past(id: ObjectId | None) -> dict[str, Any] | None:
    return {"_id": {"$gt": id}} if id else None


async def _know(seller: Actor, prices: dict[ObjectId, Price], rows: list[Invoice]) -> None:
    new = {item.price_id for row in rows for item in row.items} - prices.keys()
    prices.update({row.id: row for row in (await Price.by_ids(seller, new)).values()} if new else {})
