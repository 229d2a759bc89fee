"""What happens to money that people have with an organization."""

from collections.abc import Iterable
from dataclasses import dataclass

from bson import ObjectId

from app.core.changes import Event, OfUser


@dataclass(frozen=True, kw_only=True)
class EscrowMoved(Event):
    """It came to another state, or some of it went; the figures are what has come of it in all, in minor units."""

    escrow: ObjectId
    state: str
    released: int
    returned: int
    fee: int
    currency: str

    def feeds(self) -> Iterable[str]:
        return [f"x:{self.escrow}"]


@dataclass(frozen=True, kw_only=True)
class RefundInWallet(OfUser, Event):
    """What was to go back to what somebody has paid by could not: it is in their wallet."""

    amount: int
    """In minor units."""
    currency: str


@dataclass(frozen=True, kw_only=True)
class PayRulesChanged(Event):
    """Read by who pays next; for webhooks and audit."""


@dataclass(frozen=True, kw_only=True)
class EarningComputed(OfUser, Event):
    """What somebody's sales of a month come to is known; it is available later."""

    earning: ObjectId


@dataclass(frozen=True, kw_only=True)
class EarningReleased(OfUser, Event):
    """What somebody has earned can be paid out."""

    earning: ObjectId


@dataclass(frozen=True, kw_only=True)
class CommissionMoved(OfUser, Event):
    """A commission was made, decided on, became available, or was taken back."""

    commission: ObjectId
    state: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class PayoutMoved(OfUser, Event):
    """A payout was asked for, or has come further."""

    payout: ObjectId
    state: str
