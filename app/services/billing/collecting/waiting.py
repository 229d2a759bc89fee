"""Payments for an invoice that may still be made: one of them is to be.

A charge that waits for its customer, whose bank wants to know that it is they who pay, is not declined: they can still
let it through. So it counts as an attempt that has failed, of which they are told at once and reminded when others
would be tried again, but nothing else is charged beside it.

Before a charge is made, pages on which the invoice could be paid are closed at their providers; before a page is shown,
charges that can be, and other pages. Each is kept before it looks for the others, so of two that meet one has seen the
other. Whoever is faster, who pays or who closes, the provider knows, and is believed. What is left is closed when the
invoice is paid or void, and charges when it is given up.
"""

from contextlib import suppress

from app.core.actor import Actor
from app.core.errors import Conflict
from app.integrations.payments import Unknown
from app.models import OPEN_PAYMENTS, Invoice, Payment, PaymentState, PaymentWay
from app.models.billing.events import OfInvoice
from app.models.billing.invoices import AUTHENTICATION_NEEDED
from app.services.billing.invoicing import invoices
from app.services.billing.paying import checkouts, payments, providers, settlement
from app.services.billing.paying.payments import PaymentAction
from app.services.billing.paying.providers import NotOffered

NEEDED = AUTHENTICATION_NEEDED
"""Why an attempt is counted as failed, as providers call a decline for the same reason."""
WAITS = PaymentState.REQUIRES_ACTION
_CLOSABLE = (PaymentState.CREATED, WAITS)
_OVER = (PaymentState.CANCELLED, PaymentState.FAILED)


class UnderWay(Conflict):
    """It is being paid already."""

    code = "PAYMENT_UNDER_WAY"


def under_way() -> UnderWay:
    return UnderWay("This invoice is being paid already.", path=["input", "invoiceId"])


async def unsettled(invoice: Invoice) -> list[Payment]:
    """What may pay an invoice without anybody acting: all but pages on which nobody has paid."""
    return [row for row in await _pending(invoice) if row.way is not PaymentWay.CHECKOUT or row.state not in _CLOSABLE]


async def close(invoice: Invoice) -> None:
    """Let charges that wait for the customer be closed at their providers, by a job, in the scope if there is one."""
    for row in await unsettled(invoice):
        if row.state is WAITS:
            await payments.cancel(_seller(invoice), PaymentAction(payment_id=row.id))


async def closed(event: OfInvoice) -> None:
    """An invoice is paid or void: nothing more is to come in for it."""
    invoice = await Invoice.lookup(Actor.platform(event.actor.organization_id), _id=event.invoice)
    if invoice is not None and invoice.state in (invoices.PAID, invoices.VOID):
        for row in await _pending(invoice):
            if row.state in _CLOSABLE:
                await payments.cancel(_seller(invoice), PaymentAction(payment_id=row.id))


async def make_way(invoice: Invoice) -> None:
    """Close what could pay an invoice, so that it can be paid on a page. Raises UnderWay when somebody was faster."""
    for row in await _pending(invoice):
        if not await _shut(row):
            raise under_way()


async def keep_only(page: Payment) -> None:
    """Close what has come since way was made, before somebody is shown a page; or this page. Raises UnderWay.

    Of two pages the one that was asked for later stays.
    """
    try:
        for row in await _pending(await _invoice(page)):
            later = row.way is PaymentWay.CHECKOUT and row.id > page.id
            if row.id != page.id and (later or not await _shut(row)):
                raise under_way()
        if not _asks(await _invoice(page), page):
            raise under_way()
    except UnderWay:
        await _shut(page)
        raise


async def alone(charge: Payment) -> bool:
    """Whether a charge is to be made: nothing else can pay its invoice, which is still to be paid.

    Pages are closed for it, unless it was given up. Of two charges the first is made.
    """
    invoice = await _invoice(charge)
    if invoice is None:
        return True
    if (await Payment.require(_seller(invoice), charge.id)).state not in OPEN_PAYMENTS:
        return False
    for row in await _pending(invoice):
        later = row.way is PaymentWay.CHARGE and row.id >= charge.id
        if not later and not (row.way is PaymentWay.CHECKOUT and await _shut(row)):
            return False
    return _asks(await _invoice(charge), charge)


async def _pending(invoice: Invoice | None) -> list[Payment]:
    """What has not ended of the payments for an invoice, and what has brought money that is not applied yet."""
    if invoice is None:
        return []
    open = {"state": {"$in": [state.value for state in OPEN_PAYMENTS]}}
    brought = {"state": PaymentState.SUCCEEDED.value, "_id": {"$nin": invoice.payment_ids}}
    where = {"reference": invoices.reference(invoice.id), "$or": [open, brought]}
    return await Payment.select(_seller(invoice), where)


async def _shut(row: Payment) -> bool:
    """Whether a payment will never be made, after its provider was asked to close it."""
    seller, id = Actor.platform(row.organization_id), row.id

    async def shut() -> bool:
        if row.page_ref is None and row.provider_ref is None:
            with suppress(Conflict):  # it has come to its provider, or is over
                await payments.cancel(seller, PaymentAction(payment_id=id))
        try:
            await checkouts.look(seller, await Payment.require(seller, id))  # who agrees on a page is faster
            await checkouts.close(seller, id)
        except (Unknown, NotOffered):  # nobody can pay there any more
            await settlement.give_up(seller, id)
        return (await Payment.require(seller, id)).state in _OVER

    return row.state in _CLOSABLE and await providers.ask(shut)


async def _invoice(row: Payment) -> Invoice | None:
    """The invoice that a payment is for, as it is now."""
    id = invoices.named(row.reference)
    return None if id is None else await Invoice.lookup(Actor.platform(row.organization_id), _id=id)


def _asks(invoice: Invoice | None, row: Payment) -> bool:
    """Whether just so much of an invoice is still to be paid."""
    return invoice is not None and invoice.state in invoices.OPEN and invoice.outstanding == row.amount


def _seller(invoice: Invoice) -> Actor:
    return Actor.platform(invoice.organization_id)
