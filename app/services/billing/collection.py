"""What becomes of payments for invoices: a payment names its invoice by its reference, and the attempt by its key."""

from bson import ObjectId

from app.core.actor import Actor
from app.core.clock import now
from app.core.money import Money
from app.models import Payment, PaymentWay
from app.models.billing.payment_events import (
    DisputeClosed,
    PaymentEvent,
    PaymentFailed,
    PaymentMoved,
    PaymentRefunded,
    PaymentSucceeded,
)
from app.services.billing import dues, dunning, waiting

KIND = "Invoice"


def key(invoice_id: ObjectId, attempt: int) -> str:
    """Of the payment by which an invoice is charged, for the first time (1) or again."""
    return f"{KIND}:{invoice_id}:{attempt}"


async def succeeded(event: PaymentSucceeded) -> None:
    if invoice_id := _invoice(event):
        paid = Money(event.amount, event.currency)
        await dues.apply(_seller(event), invoice_id, event.payment, paid, now())


async def failed(event: PaymentFailed) -> None:
    payment = await _charge(event)
    if payment is not None:
        await _missed(payment, event.code, hard=event.hard)


async def waits(event: PaymentMoved) -> None:
    """What waits for its customer counts as failed, once; what becomes of it then counts no more."""
    payment = await _charge(event) if event.state == waiting.WAITS.value else None
    if payment is not None and payment.state is waiting.WAITS:
        await _missed(payment, waiting.NEEDED, hard=False)


async def _charge(event: PaymentEvent) -> Payment | None:
    """The payment, if it is an attempt to charge an invoice: on a page the customer tries by themselves."""
    payment = await Payment.lookup(_seller(event), _id=event.payment) if _invoice(event) else None
    return payment if payment is not None and payment.way is PaymentWay.CHARGE else None


async def _missed(payment: Payment, code: str, *, hard: bool) -> None:
    kind, invoice, attempt = payment.key.split(":")
    assert kind == KIND
    seller = Actor.platform(payment.organization_id)
    await dunning.failed(seller, ObjectId(invoice), int(attempt), code, now(), hard=hard)


async def refunded(event: PaymentRefunded) -> None:
    if invoice_id := _invoice(event):
        await dues.refunded(_seller(event), invoice_id, event.refund, Money(event.amount, event.currency), now())


async def disputed(event: DisputeClosed) -> None:
    """What is won was never booked."""
    if (invoice_id := _invoice(event)) and not event.won:
        await dues.take_back(_seller(event), invoice_id, event.dispute, Money(event.amount, event.currency), now())


def _seller(event: PaymentEvent) -> Actor:
    return Actor.platform(event.actor.organization_id)


def _invoice(event: PaymentEvent) -> ObjectId | None:
    """The invoice that a payment is for; None for what is paid for otherwise."""
    kind, _, id = event.reference.partition("_")
    return ObjectId(id) if kind == KIND and ObjectId.is_valid(id) else None
