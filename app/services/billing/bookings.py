"""What payments do to the seller's book. Each is a part of the scope that notes the payment's own state.

`processor:<provider>` is what a provider, a bank or a till has for the organization; `clearing:payments` is what has
come in and is on its way to where it belongs, which whoever owns the reference of the payment sees to.
"""

from app.core.actor import Actor
from app.core.ledger import Chart, Move
from app.core.money import Money
from app.models import Payment

CLEARING = "clearing:payments"

_CHART = Chart()


async def came_in(actor: Actor, payment: Payment) -> None:
    """Book a payment, once."""
    await _book(actor, payment, Money(payment.amount, payment.currency), f"payment:{payment.id}", "payment")


async def went_out(actor: Actor, payment: Payment, money: Money, key: str, kind: str) -> None:
    """Book a refund or a lost dispute, once for its key."""
    await _book(actor, payment, -money, key, kind)


async def _book(actor: Actor, payment: Payment, money: Money, key: str, kind: str) -> None:
    moves = [
        Move(f"processor:{payment.provider.value}", None, -money.amount, money.currency),
        Move(CLEARING, None, money.amount, money.currency),
    ]
    await _CHART.move(actor, key, kind, payment.reference, moves)
