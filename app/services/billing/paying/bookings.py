"""What payments do to the seller's book. Each is a part of the scope that notes the payment's own state.

`processor:<provider>` is what a provider, a bank or a till has for the organization; `clearing:payments` is what has
come in and is on its way to where it belongs, which whoever owns the reference of the payment sees to. What was asked
for by itself (`payments.request`) has a payment for its reference, and belongs to `revenue` in the same step.
"""

from bson import ObjectId

from app.core.actor import Actor
from app.core.commands import named
from app.core.ledger import Chart, Move
from app.core.money import Money
from app.models import LedgerTransfer, Payment
from app.services.billing.books import CLEARING, REVENUE

REQUESTED = "Payment"
"""What the reference of a payment is of that was asked for by itself."""

_CHART = Chart()


async def came_in(actor: Actor, payment: Payment) -> None:
    """Book a payment, once."""
    money = Money(payment.amount, payment.currency)
    await _book(actor, payment, money, f"payment:{payment.id}", "payment")
    await apply_request(actor, payment, money, f"applied:{payment.id}", "payment")


async def went_out(actor: Actor, payment: Payment, money: Money, key: str, kind: str) -> None:
    """Book a refund or a lost dispute, once for its key; less than nothing is a refund that has come back."""
    await _book(actor, payment, -money, key, kind)
    await apply_request(actor, payment, -money, f"taken_back:{key}", kind)


async def came_back(actor: Actor, refund_id: ObjectId) -> bool:
    """Whether a refund that had gone out is booked as come back."""
    return await LedgerTransfer.lookup(actor, key=f"refund:{refund_id}:back") is not None


async def apply_request(actor: Actor, payment: Payment, money: Money, key: str, kind: str) -> None:
    """Move what a payment has brought to revenue, or back, if it was asked for by itself."""
    if named(payment.reference, REQUESTED):
        moves = [
            Move(CLEARING, None, -money.amount, money.currency),
            Move(REVENUE, None, money.amount, money.currency),
        ]
        await _CHART.move(actor, key, kind, payment.reference, moves)


async def _book(actor: Actor, payment: Payment, money: Money, key: str, kind: str) -> None:
    moves = [
        Move(f"processor:{payment.provider.value}", None, -money.amount, money.currency),
        Move(CLEARING, None, money.amount, money.currency),
    ]
    await _CHART.move(actor, key, kind, payment.reference, moves)
