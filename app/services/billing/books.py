"""How invoices stand in the seller's book.

receivable   of the customer, what they owe: debited when an invoice is issued, credited when it is paid
revenue, tax what was sold, and what of it is the state's
credits:prepaid, credits:balance   of the customer, what they have paid before and what is owed to them
clearing:payments                  where payments arrive before they are applied
"""

from collections.abc import Mapping

from bson import ObjectId

from app.core.actor import Actor
from app.core.ledger import Bound, Chart, Move

RECEIVABLE, REVENUE, TAX, CLEARING = "receivable", "revenue", "tax", "clearing:payments"
PREPAID, BALANCE = "credits:prepaid", "credits:balance"
OF_CUSTOMER = frozenset({RECEIVABLE, PREPAID, BALANCE})

_CHART = Chart({PREPAID: Bound.CREDIT, BALANCE: Bound.CREDIT})


async def post(
    seller: Actor, key: str, kind: str, reference: str, customer_id: ObjectId, currency: str, sums: Mapping[str, int]
) -> None:
    """Write a transfer that credits these accounts by these sums, or debits them; nothing is written over nothing."""
    moves = [
        Move(code, customer_id if code in OF_CUSTOMER else None, amount, currency) for code, amount in sums.items()
    ]
    await _CHART.move(seller, key, kind, reference, moves)
