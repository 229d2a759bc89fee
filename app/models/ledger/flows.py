"""What the books say together: sums over many transfers or accounts, worked out by MongoDB."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from bson import ObjectId

from app.core import changes
from app.core.actor import Actor
from app.core.database import collection
from app.core.ledger.posting import MOVES
from app.core.money import Money
from app.core.rows import Value
from app.models.ledger.accounts import LedgerAccount
from app.models.ledger.transfers import LedgerTransfer


class Stretch(StrEnum):
    """How long the times are for which money is summed."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(slots=True)
class MoneyFlow(Value):
    """What came in and went out in one stretch of time, in one currency."""

    starts_at: datetime
    came_in: Money
    went_out: Money


@dataclass(slots=True)
class MoneyHeld(Value):
    """What is kept for others, in accounts for one purpose and of one currency; of it, what holds keep back."""

    code: str
    amount: Money
    held: Money
    accounts: int


async def flows(
    actor: Actor, account_ids: Sequence[ObjectId], since: datetime, until: datetime, by: Stretch, zone: str
) -> list[MoneyFlow]:
    """What these accounts were debited and credited with, booked from a moment up to another, the first first.

    What the organization has is debited: a debit is money that comes in. Stretches begin by the clock of `zone`.
    """
    start = {"date": "$booked_at", "unit": by.value, "timezone": zone, "startOfWeek": "monday"}
    mine = {"postings.account_id": {"$in": list(account_ids)}}
    where = {**mine, "booked_at": {"$gte": since, "$lt": until}, "phase": {"$in": [phase.value for phase in MOVES]}}
    one = "$postings.amount"
    sums = {
        "in": {"$sum": {"$cond": [{"$lt": [one, 0]}, {"$subtract": [0, one]}, 0]}},
        "out": {"$sum": {"$cond": [{"$gt": [one, 0]}, one, 0]}},
    }
    pipeline: list[dict[str, Any]] = [
        {"$match": LedgerTransfer.within(actor, where)},
        {"$unwind": "$postings"},
        {"$match": mine},
        {"$group": {"_id": {"start": {"$dateTrunc": start}, "currency": "$postings.currency"}, **sums}},
        {"$sort": {"_id.start": 1, "_id.currency": 1}},
    ]
    found = await collection(LedgerTransfer.collection).aggregate(pipeline, session=changes.session())
    return [
        MoneyFlow(
            row["_id"]["start"],
            Money(row["in"], row["_id"]["currency"]),
            Money(row["out"], row["_id"]["currency"]),
        )
        async for row in found
    ]


async def held(actor: Actor, codes: Iterable[str]) -> list[MoneyHeld]:
    """What is in all accounts for these purposes."""
    sums = {"posted": {"$sum": "$posted"}, "held": {"$sum": "$held"}, "accounts": {"$sum": 1}}
    pipeline = [
        {"$match": LedgerAccount.within(actor, {"code": {"$in": list(codes)}})},
        {"$group": {"_id": {"code": "$code", "currency": "$currency"}, **sums}},
        {"$sort": {"_id.code": 1, "_id.currency": 1}},
    ]
    found = await collection(LedgerAccount.collection).aggregate(pipeline, session=changes.session())
    return [
        MoneyHeld(
            row["_id"]["code"],
            Money(row["posted"], row["_id"]["currency"]),
            Money(row["held"], row["_id"]["currency"]),
            row["accounts"],
        )
        async for row in found
    ]
