"""How much was in an account at some moment, as it was known at another."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bson import ObjectId

from app.core import changes, database, queries
from app.core.actor import Actor
from app.core.errors import NotFound
from app.core.ledger.accounts import Account
from app.core.ledger.posting import MOVES
from app.core.ledger.transfers import Transfer


@dataclass(frozen=True, slots=True)
class Balance:
    """In minor units: what is in the account, and what of it is held. Of the past, what was held is not known."""

    posted: int
    held: int | None
    currency: str


async def balance(
    actor: Actor, account_id: ObjectId, *, valued_by: datetime | None = None, known_at: datetime | None = None
) -> Balance:
    """What counted by `valued_by` of what was booked by `known_at`; without them, all that counts. Raises NotFound.

    What was booked by some moment costs a look-up for each doubling of the account's history; what counts later than it
    was asked for is added up.
    """
    projection, decode = Account.plan()
    where = {"_id": account_id, "organization_id": actor.organization_id}
    found = await queries.find_one(
        database.collection(Account.collection), where, projection, session=changes.session()
    )
    if found is None:
        raise NotFound("There is no such account.")
    account: Account = decode(found)
    if valued_by is None and known_at is None:
        return Balance(account.posted, account.held, account.currency)
    posted = account.posted if known_at is None else await _booked(account, known_at)
    if valued_by is not None:
        posted -= await _valued_later(account, valued_by, known_at)
    return Balance(posted, None, account.currency)


async def _booked(account: Account, by: datetime) -> int:
    """The balance after the last entry that was booked by then.

    Entries are numbered without gaps, so it is found by halving. Where clocks of processes differ by some milliseconds
    entries may be out of order by as much; the last of all is found whenever it is due.
    """
    first, last, found = 0, account.entries, 0
    while first < last:
        middle = (first + last + 1) // 2
        booked_at, balance = await _entry(account, middle)
        if booked_at <= by:
            first, found = middle, balance
        else:
            last = middle - 1
    return found


async def _entry(account: Account, number: int) -> tuple[datetime, int]:
    """When an entry of an account was booked, and the balance after it."""
    mine = {"$elemMatch": {"account_id": account.id, "entry": number}}
    where = {"organization_id": account.organization_id, "postings": mine}
    stored = database.collection(Transfer.collection)
    found = await queries.find_one(stored, where, {"postings": 1, "booked_at": 1}, session=changes.session())
    if found is None:
        raise LookupError(f"account {account.id} has no entry {number}")
    return found["booked_at"], next(one["balance"] for one in found["postings"] if one["account_id"] == account.id)


async def _valued_later(account: Account, valued_by: datetime, known_at: datetime | None) -> int:
    """The sum of what counts only after a moment, of what was booked by another."""
    where: dict[str, Any] = {
        "organization_id": account.organization_id,
        "postings.account_id": account.id,
        "value_at": {"$gt": valued_by},
        "phase": {"$in": [phase.value for phase in MOVES]},
    }
    if known_at is not None:
        where["booked_at"] = {"$lte": known_at}
    steps: list[dict[str, Any]] = [
        {"$match": where},
        {"$unwind": "$postings"},
        {"$match": {"postings.account_id": account.id}},
        {"$group": {"_id": None, "sum": {"$sum": "$postings.amount"}}},
    ]
    stored = database.collection(Transfer.collection)
    found = await (await stored.aggregate(steps, session=changes.session())).to_list()
    return int(found[0]["sum"]) if found else 0
