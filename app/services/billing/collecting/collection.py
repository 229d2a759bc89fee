"""What becomes of payments for invoices: a payment names its invoice by its reference, and the attempt by its key."""

from bson import ObjectId

from app.core.actor import Actor
from app.core.clock import now
from app.core.money import Money
from app.models import Payment, PaymentState, PaymentWay
from app.models.billing.payment_events import (
    DisputeClosed,
    PaymentEvent,
    PaymentFailed,
    PaymentMoved,
    PaymentRefunded,
    PaymentSucceeded,
    RefundFailed,
)
from app.services.billing.collecting import dunning, waiting
from app.services.billing.invoicing import dues, invoices
from app.services.billing.paying import bookings

KIND = "Invoice"


def key(invoice_id: ObjectId, attempt: int, given_up: int = 0) -> str:
    """Of the payment by which an invoice is charged, for the first time (1) or again; another after each given up."""
    return f"{KIND}:{invoice_id}:{attempt}" + (f":{given_up}" if given_up else "")


async def succeeded(event: PaymentSucceeded) -> None:
    if invoice_id := invoices.named(event.reference):
        await dues.apply(_seller(event), invoice_id, event.payment, _money(event), now())


async def failed(event: PaymentFailed) -> None:
    payment = await _charge(event)
    if payment is not None:
        await _missed(payment, event.code, hard=event.hard)


async def moved(event: PaymentMoved) -> None:
    """What waits for its customer counts as failed, once; what becomes of it then counts no more. What was given up
    before does not count.
    """
    payment = await _charge(event)
    if payment is None or payment.state.value != event.state:
        return
    if payment.state is waiting.WAITS:
        await _missed(payment, waiting.NEEDED, hard=False)
    elif payment.state is PaymentState.CANCELLED:
        await dunning.put_off(*_attempt(payment), now())


async def _charge(event: PaymentEvent) -> Payment | None:
    """The payment, if it is an attempt to charge an invoice: on a page the customer tries by themselves."""
    payment = await Payment.lookup(_seller(event), _id=event.payment) if invoices.named(event.reference) else None
    return payment if payment is not None and payment.way is PaymentWay.CHARGE else None


async def _missed(payment: Payment, code: str, *, hard: bool) -> None:
    await dunning.failed(*_attempt(payment), code, now(), hard=hard)


def _attempt(payment: Payment) -> tuple[Actor, ObjectId, int]:
    """The seller, the invoice, and which attempt to charge it a payment is."""
    kind, invoice, attempt, *_ = payment.key.split(":")
    assert kind == KIND
    return Actor.platform(payment.organization_id), ObjectId(invoice), int(attempt)


async def refunded(event: PaymentRefunded) -> None:
    if invoice_id := invoices.named(event.reference):
        await dues.refunded(_seller(event), invoice_id, event.payment, event.refund, _money(event), now())


async def refund_failed(event: RefundFailed) -> None:
    """What a bank has sent back is in the book again; what never went was not out of it."""
    invoice_id = invoices.named(event.reference)
    if invoice_id and await bookings.came_back(_seller(event), event.refund):
        await dues.came_back(_seller(event), invoice_id, event)


async def disputed(event: DisputeClosed) -> None:
    """What is won was never booked."""
    if (invoice_id := invoices.named(event.reference)) and not event.won:
        await dues.take_back(_seller(event), invoice_id, event.payment, event.dispute, _money(event), now())


def _money(event: PaymentSucceeded | PaymentRefunded | DisputeClosed) -> Money:
    return Money(event.amount, event.currency)


def _seller(event: PaymentEvent) -> Actor:
    return Actor.platform(event.actor.organization_id)
