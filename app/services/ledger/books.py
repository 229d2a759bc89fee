"""How commands move money in the book of an organization: by the names of accounts, together with what they change.

What a person is owed stays at zero or above it. Where more has to be taken from them than they have, such as what a
customer was given back, the rest is a debt in an account of its own (`wallet:owed`), and what they are given next pays
it first. All of it runs in the scope of a command.
"""

from bson import ObjectId

from app.core.actor import Actor
from app.core.ledger import Bound, Chart, Move
from app.core.money import Money
from app.models import LedgerAccount

WALLET, EARNINGS, COMMISSIONS = "wallet", "earnings", "commissions"
PENDING_EARNINGS, PENDING_COMMISSIONS = "earnings:pending", "commissions:pending"
ESCROW, PAYOUTS, REFUNDS = "escrow", "payouts", "refunds"
REVENUE, FEES, CLEARING = "revenue", "fees", "clearing:payments"
OWED = ":owed"
"""Ends the code of the account of what a holder owes."""

_CHART = Chart(
    {
        **dict.fromkeys((WALLET, EARNINGS, COMMISSIONS, PENDING_EARNINGS, PENDING_COMMISSIONS), Bound.CREDIT),
        **dict.fromkeys((ESCROW, PAYOUTS, REFUNDS), Bound.CREDIT),
        **dict.fromkeys((WALLET + OWED, EARNINGS + OWED, COMMISSIONS + OWED), Bound.DEBIT),
    }
)
account, move = _CHART.account, _CHART.move


def processor(provider: str) -> str:
    """The code of the account of what a provider, a bank or a till has for the organization."""
    return f"processor:{provider}"


async def giving(actor: Actor, code: str, holder_id: ObjectId, given: Money) -> list[Move]:
    """How somebody is given something: what they owe is paid first."""
    owed = await _find(actor, code + OWED, given.currency, holder_id)
    repaid = min(-owed.posted if owed else 0, given.amount)
    return [
        Move(code + OWED, holder_id, repaid, given.currency),
        Move(code, holder_id, given.amount - repaid, given.currency),
    ]


async def taking(actor: Actor, code: str, holder_id: ObjectId, taken: Money) -> list[Move]:
    """How something is taken from somebody that they may not have: the rest they owe."""
    has = await _find(actor, code, taken.currency, holder_id)
    at_once = min(max(0, has.available) if has else 0, taken.amount)
    return [
        Move(code, holder_id, -at_once, taken.currency),
        Move(code + OWED, holder_id, at_once - taken.amount, taken.currency),
    ]


async def _find(actor: Actor, code: str, currency: str, holder_id: ObjectId) -> LedgerAccount | None:
    inside = Actor.platform(actor.organization_id)
    return await LedgerAccount.lookup(inside, code=code, holder_id=holder_id, currency=currency)
