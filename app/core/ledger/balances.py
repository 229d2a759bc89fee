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
from app.core.ledger.transfers import Posting, Transfer


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

    It costs two look-ups, and one of what counts later than it was asked for, however long the account's history is.
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
    """The balance after the last entry that was booked by then."""
    last: Posting | None = None
    while True:
        mine: dict[str, Any] = {"account_id": account.id}
        if last:  # several may have been booked in the same millisecond
            mine["entry"] = {"$gt": last.entry}
        where = {
            "organization_id": account.organization_id,
            "postings": {"$elemMatch": mine},
            "booked_at": {"$lte": by},
        }
        order = {"booked_at": -1, "_id": -1}
        stored = database.collection(Transfer.collection)
        found = await queries.find_one(stored, where, {"postings": 1}, sort=order, session=changes.session())
        if found is None:
            return last.balance if last else 0
        last = next(Posting(**one) for one in found["postings"] if one["account_id"] == account.id)


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
