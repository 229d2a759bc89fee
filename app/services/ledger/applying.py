"""What payments have brought, and what of it has gone again, is moved to where it belongs, by their references."""

from app.core.actor import Actor
from app.core.commands import named
from app.core.money import Money
from app.models import Escrow
from app.models.billing.payment_events import DisputeClosed, PaymentDisputed, PaymentRefunded, PaymentSucceeded
from app.services.ledger import commissions, earnings, escrows, sales, wallets


async def succeeded(event: PaymentSucceeded) -> None:
    """Fill the wallet or the escrow that a payment is for."""
    actor, paid, payment = event.actor, Money(event.amount, event.currency), str(event.payment)
    if (id := named(event.reference, "Wallet")) is not None:
        await wallets.credit(actor, id, paid, payment)
    elif (id := named(event.reference, "Escrow")) is not None:
        await escrows.fund_by_payment(actor, id, paid, payment)


async def refunded(event: PaymentRefunded) -> None:
    """Take from those who have it what has gone back to who had paid."""
    await _gone(event.actor, event.reference, Money(event.amount, event.currency), f"refund:{event.refund}")


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
    if (id := named(reference, "Wallet")) is not None:
        await wallets.debit(actor, id, money, cause)
    elif (id := named(reference, "Escrow")) is not None:
        buyer = (await Escrow.require(actor, id)).buyer_id
        wallet = await wallets.of(actor, buyer, money.currency)
        await wallets.debit(actor, wallet.id, money, cause)
    else:
        left = sum(
            sale.amount - sum(one.amount for one in sale.refunds) for sale in await sales.of_order(actor, reference)
        )
        if left:
            await sales.refund_order(actor, reference, min(left, money.amount), cause)
        await commissions.claw_back(actor, reference, money.amount, cause)
