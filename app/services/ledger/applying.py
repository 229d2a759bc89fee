"""What payments have brought, and what of it has gone again, is moved to where it belongs, by their references."""

from bson import ObjectId

from app.core import changes
from app.core.actor import Actor
from app.core.commands import named
from app.core.money import Money
from app.models import Escrow
from app.models.billing.payment_events import (
    DisputeClosed,
    PaymentDisputed,
    PaymentRefunded,
    PaymentSucceeded,
    RefundFailed,
)
from app.models.ledger.events import RefundInWallet
from app.services.billing.paying import bookings
from app.services.ledger import commissions, earnings, escrow_refunds, escrows, sales, wallets


async def succeeded(event: PaymentSucceeded) -> None:
    """Fill the wallet or the escrow that a payment is for."""
    actor, paid = event.actor, Money(event.amount, event.currency)
    if (id := named(event.reference, "Wallet")) is not None:
        await wallets.credit(actor, id, paid, f"applied:{event.payment}")
    elif (id := named(event.reference, "Escrow")) is not None:
        await escrows.fund_by_payment(actor, id, paid, event.payment)


async def refunded(event: PaymentRefunded) -> None:
    """Take from those who have it what has gone back to who had paid."""
    row = await _sent_by(event)
    if row is not None:
        await escrow_refunds.gone(event, row)
        return
    await _gone(event.actor, event.reference, Money(event.amount, event.currency), f"refund:{event.refund}")


async def refund_failed(event: RefundFailed) -> None:
    """Let who had paid into a wallet or an escrow have in their wallet what could not go back to them."""
    actor, money = event.actor, Money(event.amount, event.currency)
    returned, row = await bookings.came_back(actor, event.refund), await _sent_by(event)
    if row is not None:
        await escrow_refunds.failed(event, row, returned=returned)
    elif returned and (wallet := await _wallet(actor, event.reference, money.currency)) is not None:
        await wallets.credit(actor, wallet, money, f"returned:{event.refund}")
        holder = await wallets.holder(actor, wallet)
        changes.emit(RefundInWallet(actor, user=holder, amount=money.amount, currency=money.currency))


async def disputed(event: PaymentDisputed) -> None:
    """Let what an order has brought wait."""
    await earnings.hold(event.actor, event.reference, disputed=True)


async def dispute_closed(event: DisputeClosed) -> None:
    """Let what an order has brought go on, or take it from those who have it."""
    if not event.won:
        await _gone(event.actor, event.reference, Money(event.amount, event.currency), f"dispute:{event.dispute}")
    await earnings.hold(event.actor, event.reference, disputed=False)


async def _gone(actor: Actor, reference: str, money: Money, cause: str) -> None:
    """A wallet's owner, or an escrow's buyer, has so much less; so have those who were paid for an order."""
    if (wallet := await _wallet(actor, reference, money.currency)) is not None:
        await wallets.debit(actor, wallet, money, cause)
    else:
        left = sum(
            sale.amount - sum(one.amount for one in sale.refunds) for sale in await sales.of_order(actor, reference)
        )
        if left:
            await sales.refund_order(actor, reference, min(left, money.amount), cause)
        await commissions.claw_back(actor, reference, money.amount, cause)


async def _wallet(actor: Actor, reference: str, currency: str) -> ObjectId | None:
    """The wallet that was paid into, or that of the buyer whose escrow was; None for what was paid for otherwise."""
    if (id := named(reference, "Escrow")) is not None:
        return (await wallets.of(actor, (await Escrow.require(actor, id)).buyer_id, currency)).id
    return named(reference, "Wallet")


async def _sent_by(event: PaymentRefunded | RefundFailed) -> Escrow | None:
    """The escrow from which a refund was sent; None for one that somebody has asked for otherwise."""
    id = named(event.reference, "Escrow")
    return None if id is None else await Escrow.lookup(event.actor, _id=id, refund_id=event.refund)
