"""Collecting invoices: by the default method at once, again after days if that fails, and at last no more.

A charge that waits for its customer is not made again: they are reminded when it would be.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from bson import ObjectId

from app.core import changes
from app.core.actor import Actor
from app.core.clock import reached
from app.core.paging import Order
from app.models import Invoice
from app.models.backlogs import work_off
from app.models.billing.events import CollectionFailed, InvoiceOverdue
from app.models.billing.invoices import NOT_PAID
from app.services.billing.collecting import waiting
from app.services.billing.invoicing import invoices
from app.services.billing.invoicing.invoices import INVOICE, ISSUED, OPEN
from app.services.billing.selling import standing
from app.services.billing.selling.lifecycle import DAY

PLATFORM = Actor.platform()


@dataclass(frozen=True, slots=True)
class Dunning:
    """When an invoice is tried again: days after it first failed. A hard decline is not tried again, and given up when
    the last of them has passed; the link in the notices leads to a checkout at any time.
    """

    retries: tuple[int, ...] = (1, 3, 5, 7)

    def following(self, attempts: int, first: datetime, *, hard: bool) -> datetime | None:
        """When it is looked at again after so many failures; None when it is given up."""
        if attempts > len(self.retries):
            return None
        return first + (self.retries[-1] if hard else self.retries[attempts - 1]) * DAY


DUNNING = Dunning()
AGAIN = Order(("next_attempt_at", "_id"), descending=False)
SETTLING = timedelta(minutes=30)
"""For how long an invoice is left alone whose money may be on its way."""
LATE = Order(("due_at", "_id"), descending=False)
_OPEN = {"$in": [state.value for state in OPEN]}


@changes.atomic
async def failed(seller: Actor, invoice_id: ObjectId, attempt: int, code: str, moment: datetime, *, hard: bool) -> None:
    """The attempt of this number to collect an invoice has failed. Told twice, it counts once."""
    invoice = await Invoice.lookup(seller, _id=invoice_id, state=_OPEN, attempts=attempt - 1)
    if invoice is not None:
        await _missed(invoice, moment, code, hard=hard)


async def put_off(seller: Actor, invoice_id: ObjectId, attempt: int, moment: datetime) -> None:
    """The attempt of this number was given up, for somebody was paying otherwise: it is looked at again."""
    where = {"state": _OPEN, "attempts": attempt - 1, "next_attempt_at": None}
    again = {"$set": {"next_attempt_at": moment + SETTLING, "changed_at": moment}}
    await changes.change(Invoice, Invoice.within(seller, where, _id=invoice_id), again)


async def run(moment: datetime, seller: Actor = PLATFORM) -> int:
    """Try again what is due, let what nobody has paid in time be overdue, and answer how many there were."""
    again = {"next_attempt_at": reached(moment)}
    late = {"state": ISSUED.value, "due_at": {"$lte": moment}}
    done = await work_off(Invoice, seller, again, AGAIN, lambda invoice: _again(invoice, moment))
    return done + await work_off(Invoice, seller, late, LATE, lambda invoice: _overdue(invoice, moment))


@changes.atomic
async def _again(seen: Invoice, moment: datetime) -> None:
    """Charge an invoice again, or remind who pays by themselves; give it up if it is of no use."""
    seller = Actor.platform(seen.organization_id)
    invoice = await Invoice.lookup(seller, _id=seen.id, next_attempt_at=seen.next_attempt_at)
    if invoice is None:
        return
    if invoice.state not in OPEN:
        await changes.change(Invoice, invoices.of(invoice), {"$set": {"next_attempt_at": None}})
    elif invoice.hard_decline:
        await changes.change(Invoice, invoices.of(invoice), {"$set": {"next_attempt_at": None, "changed_at": moment}})
        await standing.given_up(invoice, moment)
    elif not invoice.automatic:
        await _missed(invoice, moment, NOT_PAID, hard=False)
    elif not (unsettled := await waiting.unsettled(invoice)):
        await invoices.ask(invoice, moment)
    elif any(payment.state is not waiting.WAITS for payment in unsettled):
        await changes.change(Invoice, invoices.of(invoice), {"$set": {"next_attempt_at": moment + SETTLING}})
    else:
        await _missed(invoice, moment, waiting.NEEDED, hard=False)


@changes.atomic
async def _overdue(seen: Invoice, moment: datetime) -> None:
    seller = Actor.platform(seen.organization_id)
    invoice = await Invoice.lookup(seller, _id=seen.id, state=ISSUED.value)
    if invoice is None:
        return
    told = invoices.told(InvoiceOverdue, seller, invoice)
    late = await INVOICE.move(seller, invoice, "fall_due", told, where=invoices.of(invoice))
    if late.automatic:
        await standing.behind(late, moment)
    else:
        await _missed(late, moment, NOT_PAID, hard=False)


async def _missed(invoice: Invoice, moment: datetime, code: str, *, hard: bool) -> None:
    """Count a failure, say when it is looked at next, and tell the customer."""
    attempts, first = invoice.attempts + 1, invoice.first_failed_at or moment
    following = DUNNING.following(attempts, first, hard=hard)
    seller = Actor.platform(invoice.organization_id)
    last = following is None or hard
    told = invoices.told(CollectionFailed, seller, invoice, attempt=attempts, last=last)
    set = {
        "attempts": attempts,
        "first_failed_at": first,
        "next_attempt_at": following,
        "failure": code,
        "hard_decline": hard,
        "changed_at": moment,
    }
    changed = await changes.change(Invoice, invoices.of(invoice), {"$set": set}, told)
    assert changed, "the scope read it in the same snapshot"
    await standing.behind(changed, moment)
    if following is None:
        await standing.given_up(changed, moment)
        await waiting.close(changed)
