"""Accounts: whose, of which currency, and how much is in each."""

from datetime import datetime
from enum import StrEnum

from bson import ObjectId

from app.core import changes
from app.core.actor import Actor
from app.core.clock import new_id, now
from app.core.errors import Conflict
from app.core.rows import Row


class Bound(StrEnum):
    """On which side of zero an account has to stay, with what is held of it."""

    NONE = "none"
    CREDIT = "credit"
    """At zero or above: nobody spends what they have not."""
    DEBIT = "debit"
    """At zero or below."""


class TooLittle(Conflict):
    """There is not so much in the account."""

    code = "INSUFFICIENT_FUNDS"


class Account(Row):
    """An account: `code` says what for, `holder_id` whose it is, or of what; the organization's own has none.

    `posted` is its balance. `held` is what holds will debit, `coming` what they will credit, both positive. `entries`
    is how many postings it has: the number of the last.
    """

    collection = "ledger_accounts"

    organization_id: ObjectId
    code: str
    holder_id: ObjectId | None = None
    currency: str
    bound: Bound = Bound.NONE
    posted: int = 0
    held: int = 0
    coming: int = 0
    entries: int = 0
    opened_at: datetime

    @property
    def available(self) -> int:
        """What can be spent."""
        return self.posted - self.held


async def open_account(
    actor: Actor, code: str, currency: str, *, holder_id: ObjectId | None = None, bound: Bound = Bound.NONE
) -> Account:
    """The account of the actor's organization for this purpose, holder and currency; opened when there is none."""
    assert actor.organization_id
    made = Account()
    made.id, made.organization_id, made.opened_at = new_id(), actor.organization_id, now()
    made.code, made.currency, made.holder_id, made.bound = code, currency, holder_id, bound
    which = {"organization_id": actor.organization_id, "code": code, "holder_id": holder_id, "currency": currency}
    return (await changes.insert_once(made, which))[0]
