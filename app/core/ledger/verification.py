"""Whether a book adds up: its accounts are made again from its transfers, and both compared.

Every transfer balances, is of accounts that there are, says what its digest says, and settles a hold once, within what
was held. The entries of every account are numbered without a gap, each with the balance that follows from the one
before. What an account says is what its entries come to, and within its bound.
"""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bson import ObjectId

from app.core import database
from app.core.ledger.accounts import Account, Bound
from app.core.ledger.posting import MOVES
from app.core.ledger.transfers import Phase, Posting, Transfer, digest

BATCH = 1_000
SETTLES_NOTHING = "it settles what was not held, or was settled before"


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, with which transfer or account."""

    what: str
    id: ObjectId


@dataclass(slots=True)
class _Sum:
    """What the entries of an account come to; those that came before their turn wait."""

    posted: int = 0
    held: int = 0
    coming: int = 0
    entries: int = 0
    currencies: set[str] = field(default_factory=set)
    waiting: dict[int, tuple[Phase, Posting, int]] = field(default_factory=dict)

    def take(self, phase: Phase, posting: Posting, meant: int) -> bool:
        """Add the next entry, and answer whether it says the balance that follows."""
        self.entries += 1
        if phase in MOVES:
            self.posted += posting.amount
        if phase is not Phase.POSTED:
            sign = 1 if phase is Phase.HELD else -1
            self.held += sign * max(-meant, 0)
            self.coming += sign * max(meant, 0)
        return posting.balance == self.posted


async def faults(organization_id: ObjectId) -> list[Fault]:
    """All that does not add up in the book of an organization.

    It reads one snapshot, a batch at a time: what is written meanwhile does not disturb it. Of the transfers only holds
    that are open are remembered, so that a book of any length can be checked.
    """
    check = _Check()
    async with database.client().start_session(snapshot=True) as session:
        async for transfer in _read(Transfer, organization_id, session):
            check.transfer(transfer)
        async for account in _read(Account, organization_id, session):
            check.account(account)
    return check.end()


class _Check:
    """What is remembered of a book while it is read."""

    def __init__(self) -> None:
        self._faults: dict[Fault, None] = {}
        self._sums: defaultdict[ObjectId, _Sum] = defaultdict(_Sum)
        self._held: dict[ObjectId, dict[ObjectId, int]] = {}
        """By hold that is open: how much of each account."""
        self._early: dict[ObjectId, Transfer] = {}
        """By hold: what settles it, and came before it or after another."""
        self._reversed: set[ObjectId] = set()

    def transfer(self, one: Transfer) -> None:
        """Take the next transfer, about in the order in which they were written."""
        sums: Counter[str] = Counter()
        for posting in one.postings:
            sums[posting.currency] += posting.amount
        if any(sums.values()) or len(one.postings) < 2:
            self._fault("the transfer does not balance", one.id)
        if one.digest != digest(one):
            self._fault("the transfer was altered", one.id)
        if one.reverses_id:
            if one.reverses_id in self._reversed:
                self._fault("the transfer was reversed twice", one.reverses_id)
            self._reversed.add(one.reverses_id)
        if one.settles_id:
            if (held := self._held.pop(one.settles_id, None)) is not None:
                self._settle(one, held)
            elif self._early.setdefault(one.settles_id, one) is not one:
                self._fault(SETTLES_NOTHING, one.id)
            return
        amounts = {posting.account_id: posting.amount for posting in one.postings}
        self._count(one, amounts)
        if one.phase is Phase.HELD:
            if early := self._early.pop(one.id, None):
                self._settle(early, amounts)
            else:
                self._held[one.id] = amounts

    def account(self, one: Account) -> None:
        """Compare an account, after all transfers."""
        found = self._sums.pop(one.id, None) or _Sum()
        if found.currencies - {one.currency}:
            self._fault("the account has entries of another currency", one.id)
        if found.waiting or found.entries != one.entries:
            self._fault("the account lacks entries", one.id)
        if (found.posted, found.held, found.coming) != (one.posted, one.held, one.coming):
            self._fault("the account says something else than its entries", one.id)
        owes = one.bound is Bound.CREDIT and one.available < 0
        if owes or (one.bound is Bound.DEBIT and one.posted + one.coming > 0):
            self._fault("the account is beyond its bound", one.id)

    def end(self) -> list[Fault]:
        for one in self._early.values():
            self._fault(SETTLES_NOTHING, one.id)
        for id in self._sums:
            self._fault("there are entries of an account, and no account", id)
        return list(self._faults)

    def _settle(self, one: Transfer, held: Mapping[ObjectId, int]) -> None:
        for posting in one.postings:
            meant = held.get(posting.account_id, 0)
            if abs(posting.amount) > abs(meant) or posting.amount * meant < 0:
                self._fault("it settles more than was held", one.id)
        self._count(one, held)

    def _count(self, one: Transfer, meant: Mapping[ObjectId, int]) -> None:
        """Count the entries of a transfer, each in its turn; `meant` is what it holds or frees of each account."""
        for posting in one.postings:
            sum = self._sums[posting.account_id]
            sum.currencies.add(posting.currency)
            if posting.entry <= sum.entries or posting.entry in sum.waiting:
                self._fault("two entries of the account have one number", posting.account_id)
                continue
            sum.waiting[posting.entry] = one.phase, posting, meant.get(posting.account_id, 0)
            while (ready := sum.waiting.pop(sum.entries + 1, None)) is not None:
                if not sum.take(*ready):
                    self._fault("an entry of the account says another balance than follows", posting.account_id)

    def _fault(self, what: str, id: ObjectId) -> None:
        self._faults[Fault(what, id)] = None


async def _read(model: Any, organization_id: ObjectId, session: Any) -> AsyncIterator[Any]:
    projection, decode = model.plan()
    stored = database.collection(model.collection)
    where = {"organization_id": organization_id}
    async for one in stored.find(where, projection, session=session, batch_size=BATCH).sort("_id", 1):
        yield decode(one)
