"""Charges of invoices that wait for their customers, whose banks want to know that it is they who pay.

Such a charge is not declined: the customer can still let it through. So it counts as an attempt that has failed, of
which they are told at once and reminded when others would be tried again, but nothing else is charged beside it. It is
closed at the provider when the invoice is given up, paid otherwise or void, and before a page is opened to pay it on.
Whoever is faster, the customer or the closing, the provider knows, and is believed.
"""

from app.core.actor import Actor
from app.core.errors import Conflict
from app.models import Invoice, Payment, PaymentState, PaymentWay
from app.models.billing.events import OfInvoice
from app.models.billing.invoices import AUTHENTICATION_NEEDED
from app.services.billing import checkouts, invoices, payments, providers
from app.services.billing.payments import PaymentAction

NEEDED = AUTHENTICATION_NEEDED
"""Why an attempt is counted as failed, as providers call a decline for the same reason."""
WAITS = PaymentState.REQUIRES_ACTION
_UNDER_WAY = [state.value for state in (PaymentState.CREATED, PaymentState.PROCESSING, WAITS)]


class UnderWay(Conflict):
    """It is being paid already."""

    code = "PAYMENT_UNDER_WAY"


async def unsettled(invoice: Invoice) -> list[Payment]:
    """What may still pay an invoice without anybody asking anew: charges under way, and money that is not applied."""
    charged = {"way": PaymentWay.CHARGE.value, "state": {"$in": _UNDER_WAY}}
    brought = {"state": PaymentState.SUCCEEDED.value, "_id": {"$nin": invoice.payment_ids}}
    where = {"reference": invoices.reference(invoice.id), "$or": [charged, brought]}
    return await Payment.select(_seller(invoice), where)


async def close(invoice: Invoice) -> None:
    """Let what waits for the customer be closed at its provider, by a job, in the scope if there is one."""
    for row in await unsettled(invoice):
        if row.state is WAITS:
            await payments.cancel(_seller(invoice), PaymentAction(payment_id=row.id))


async def closed(event: OfInvoice) -> None:
    """An invoice is paid or void: nothing more is to come in for it."""
    invoice = await Invoice.lookup(Actor.platform(event.actor.organization_id), _id=event.invoice)
    if invoice is not None and invoice.state in (invoices.PAID, invoices.VOID):
        await close(invoice)


async def make_way(invoice: Invoice) -> None:
    """Close what waits for the customer now, so that they can pay otherwise. Raises UnderWay when they were faster."""
    for row in await unsettled(invoice):
        state = await _shut(row) if row.state is WAITS else row.state
        if state in (WAITS, PaymentState.PROCESSING, PaymentState.SUCCEEDED):
            raise UnderWay("This invoice is being paid already.", path=["input", "invoiceId"])


async def _shut(row: Payment) -> PaymentState:
    """How a payment is after its provider was asked to close it."""
    seller = Actor.platform(row.organization_id)

    async def shut() -> PaymentState:
        await checkouts.close(seller, row.id)
        return (await Payment.require(seller, row.id)).state

    return await providers.ask(shut)


def _seller(invoice: Invoice) -> Actor:
    return Actor.platform(invoice.organization_id)
