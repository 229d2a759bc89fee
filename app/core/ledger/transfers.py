"""Transfers: what was moved between accounts, and why. They are written once."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import orjson
from bson import ObjectId

from app.core.actor import Actor
from app.core.changes.events import Event
from app.core.rows import Row, Value

MOST_LEGS = 100


class Phase(StrEnum):
    """What a transfer does to balances."""

    POSTED = "posted"
    """It moves money."""
    HELD = "held"
    """It says what is meant to be moved."""
    SETTLED = "settled"
    """It moves what a hold has said, or a part of it, and frees the rest."""
    VOIDED = "voided"
    """It frees what a hold has said."""


@dataclass(frozen=True, slots=True)
class Leg:
    """How much an account is credited, or debited when it is negative."""

    account_id: ObjectId
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Transferring:
    """A transfer to write. `reference` names what it is for, such as `Order_1`; `value_at` is now unless given."""

    key: str
    kind: str
    legs: Sequence[Leg]
    reference: str = ""
    memo: str = ""
    value_at: datetime | None = None
    phase: Phase = Phase.POSTED
    settles_id: ObjectId | None = None
    reverses_id: ObjectId | None = None


@dataclass(frozen=True, slots=True)
class Posting(Value):
    """What a transfer did to an account: its entry there with this number, and the balance after it."""

    account_id: ObjectId
    amount: int
    currency: str
    entry: int
    balance: int


class Transfer(Row):
    """A transfer as it was written; `digest` is of all the rest, so that nobody can alter it unnoticed."""

    collection = "ledger_transfers"

    organization_id: ObjectId
    key: str
    kind: str
    phase: Phase
    postings: list[Posting]
    reference: str = ""
    memo: str = ""
    settles_id: ObjectId | None = None
    reverses_id: ObjectId | None = None
    value_at: datetime
    booked_at: datetime
    digest: bytes = b""

    def does(self, other: Transferring) -> bool:
        """Whether this is what the other asks for."""
        mine, others = (
            (self.phase, self.settles_id, self.reverses_id),
            (other.phase, other.settles_id, other.reverses_id),
        )
        if mine != others or (other.kind, other.reference) not in ((self.kind, self.reference), ("", "")):
            return False
        moved = {one.account_id: one.amount for one in self.postings if one.amount}
        return not other.legs or moved == {leg.account_id: leg.amount for leg in other.legs}


def digest(transfer: Transfer) -> bytes:
    """SHA-256 of what a transfer says."""
    said = [
        str(transfer.id),
        str(transfer.organization_id),
        transfer.key,
        transfer.kind,
        transfer.phase.value,
        transfer.reference,
        transfer.memo,
        str(transfer.settles_id),
        str(transfer.reverses_id),
        transfer.value_at,
        transfer.booked_at,
        [[str(one.account_id), one.amount, one.currency, one.entry, one.balance] for one in transfer.postings],
    ]
    return hashlib.sha256(orjson.dumps(said)).digest()


@dataclass(frozen=True, kw_only=True)
class Transferred(Event):
    """A transfer was written. It is in the feeds of the accounts that it concerns."""

    transfer: ObjectId
    kind: str
    phase: str
    reference: str
    accounts: list[ObjectId]
    digest: bytes

    def feeds(self) -> Iterable[str]:
        return [f"a:{account}" for account in self.accounts]


def told(actor: Actor, transfer: Transfer) -> Transferred:
    return Transferred(
        actor,
        transfer=transfer.id,
        kind=transfer.kind,
        phase=transfer.phase.value,
        reference=transfer.reference,
        accounts=[one.account_id for one in transfer.postings],
        digest=transfer.digest,
    )
