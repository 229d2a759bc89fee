"""The ledger: who has how much of what, and how it came to that. Double entry, append-only, whole minor units.

Each organization has a book of its own. A book has *accounts*, each of one currency, and *transfers* between them, each
a list of postings whose sum is zero in every currency: what one account loses, another gains. What is credited is
positive, what is debited negative, and the balance of an account is their sum. An account may be bound: what an
organization owes to people stays at zero or above it, what it has stays at zero or below.

    wallet = await ledger.open_account(actor, "wallet", "EUR", holder_id=person, bound=Bound.CREDIT)
    await ledger.transfer(actor, Transferring(key="order:1", kind="purchase", legs=(Leg(wallet.id, -990), ...)))
    held = await ledger.hold(actor, ...)          meant to be moved, and out of the payer's reach
    await ledger.settle(actor, held, key="...")   moved, or a part of it; the rest is free again
    await ledger.void(actor, held, key="...")     or not, after all

Nothing is ever edited: `reverse` writes the opposite. Who asks chooses the `key`: the same key is the same transfer,
however often it is asked for. In a scope (`@atomic`) these take part in it, and several are one step; outside one,
those that arrive together share a transaction, and each succeeds or fails alone.

`booked_at` is when a transfer was written, `value_at` from when on it counts: `balance` answers by both.
"""

from app.core.ledger.accounts import Account, Bound, TooLittle, open_account
from app.core.ledger.balances import Balance, balance
from app.core.ledger.charts import Chart, Move
from app.core.ledger.posting import AlreadySettled, hold, reverse, settle, transfer, void
from app.core.ledger.transfers import Leg, Phase, Posting, Transfer, Transferred, Transferring
from app.core.ledger.verification import Fault, faults

__all__ = [
    "Account",
    "AlreadySettled",
    "Balance",
    "Bound",
    "Chart",
    "Fault",
    "Leg",
    "Move",
    "Phase",
    "Posting",
    "TooLittle",
    "Transfer",
    "Transferred",
    "Transferring",
    "balance",
    "faults",
    "hold",
    "open_account",
    "reverse",
    "settle",
    "transfer",
    "void",
]
