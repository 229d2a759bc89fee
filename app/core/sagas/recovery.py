"""Sagas whose turn nobody takes: the job that was to take it was cancelled, given up or lost."""

from typing import Any

from pymongo import ASCENDING

from app.core import database
from app.core.clock import EPOCH, now
from app.core.sagas import moves
from app.core.sagas.declaration import LONGEST
from app.core.sagas.saga import Saga

OVERDUE = LONGEST + 600.0
"""Seconds after which a turn that was due, or begun, is looked into. Any call of a step has ended by then."""


async def overdue(limit: int) -> list[Saga]:
    """Sagas whose turn should have been taken by now, the longest overdue first. Something may still be about to."""
    where = {"due": {"$gt": EPOCH}, "$expr": {"$and": [_past("$due"), _past("$changed_at")]}}
    found = database.collection(Saga.collection).find(where, Saga.plan()[0], sort=[("due", ASCENDING)], limit=limit)
    return [Saga.decode(row) async for row in found]


async def recover(saga: Saga) -> bool:
    """Bring a saga whose turn nobody will take to a new one; False when somebody has begun it after all.

    It takes its step again, or back if somebody wants it to end. The attempt that was lost counts.
    """
    return await moves.move(saga, {"due": now()}, where={"attempt": saga.attempt}) is not None


def _past(moment: str) -> dict[str, Any]:
    return {"$lt": [moment, {"$subtract": ["$$NOW", int(OVERDUE * 1000)]}]}
