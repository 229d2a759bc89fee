"""What goes back from an escrow to what its buyer has paid by: a refund of the payment that has funded it.

On its way it is in the account `refunds` of the buyer. What the provider refuses, or a bank would not have, is in their
wallet, and they are told.
"""

from app.core import changes
from app.core.actor import Actor
from app.core.clock import new_id
from app.core.errors import Conflict
from app.core.ledger import Move
from app.core.money import Money
from app.models import Escrow, Payment, Refund
from app.models.billing.payment_events import PaymentRefunded, RefundFailed
from app.models.ledger.events import RefundInWallet
from app.services.billing.paying import payments, providers
from app.services.ledger import books


class NoPaymentToRefund(Conflict):
    """There is no payment by which it could go back."""

    code = "NO_PAYMENT_TO_REFUND"


async def ask(actor: Actor, row: Escrow, amount: int) -> Refund:
    """Let so much go back, in a scope, or what is left of the payment if that is less. Raises NoPaymentToRefund."""
    payment = await Payment.lookup(actor, _id=row.payment_id) if row.payment_id else None
    if payment is None or payment.provider not in providers.configured():
        raise _none()
    wanted = min(amount, payment.amount - payment.refunded)
    if not wanted:
        raise _none()
    return await payments.refund(actor, payment.id, Money(wanted, row.currency), f"escrow:{row.id}:{new_id()}")


async def gone(event: PaymentRefunded, row: Escrow) -> None:
    """It has gone back."""
    moves = [
        Move(books.REFUNDS, row.buyer_id, -event.amount, event.currency),
        Move(books.CLEARING, None, event.amount, event.currency),
    ]
    await books.move(event.actor, f"taken_back:refund:{event.refund}", "escrow.refunded", f"Escrow_{row.id}", moves)


async def failed(event: RefundFailed, row: Escrow, *, returned: bool) -> None:
    """It could not go back, or has come again (`returned`): it is in the buyer's wallet."""
    source = Move(books.CLEARING, None, -event.amount, event.currency)
    if not returned:
        source = Move(books.REFUNDS, row.buyer_id, -event.amount, event.currency)
    moves = [source, *await books.giving(event.actor, books.WALLET, row.buyer_id, Money(event.amount, event.currency))]
    await books.move(event.actor, f"returned:{event.refund}", "escrow.refund_failed", f"Escrow_{row.id}", moves)
    changes.emit(RefundInWallet(event.actor, user=row.buyer_id, amount=event.amount, currency=event.currency))


def _none() -> NoPaymentToRefund:
    return NoPaymentToRefund("It was not paid by anything that it can go back to.", path=["input", "toPaymentMethod"])
