"""How attempts end. An end is written only while the attempt holds the job; those of one moment share a command."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from pymongo import UpdateOne
from pymongo.errors import OperationFailure

from app.core import database
from app.core.database import Document
from app.core.grouping import Grouped
from app.core.jobs.queue import JOBS, State, in_seconds, same_attempt

_log = structlog.stdlib.get_logger(__name__)


def done(result: Mapping[str, Any] | None) -> list[Document]:
    """The update of a job that was done."""
    return [
        {"$set": {"state": State.DONE.value, "finished_at": "$$NOW", "result": {"$literal": result}}},
        _LET_GO,
    ]


def dead(error: str) -> list[Document]:
    """The update of a job that has failed for good."""
    return [{"$set": {"state": State.DEAD.value, "last_error": {"$literal": error}}}, _LET_GO]


def later(pause: float, **set: Any) -> list[Document]:
    """The update of a job that is to run again in `pause` seconds."""
    return [{"$set": {"state": State.RETRY.value, "due": in_seconds(pause), **set}}, {"$unset": ["owner"]}]


_LET_GO: Document = {"$unset": ["due", "owner", "cancel"]}
CANCELLED: list[Document] = [{"$set": {"state": State.CANCELLED.value, "finished_at": "$$NOW"}}, _LET_GO]
"""The update of a job that somebody has cancelled."""


async def finish(row: Document, result: Mapping[str, Any] | None) -> None:
    """Note that a job was done."""
    await _settle(row, done(result))


async def retry(row: Document, error: str, pause: float, *, counted: bool = True) -> None:
    """Let a job run again in `pause` seconds; as if this attempt had not been, unless it is `counted`."""
    attempt = "$attempt" if counted else {"$subtract": ["$attempt", 1]}
    await _settle(row, later(pause, last_error={"$literal": error}, attempt=attempt))


async def bury(row: Document, error: str) -> None:
    """Give a job up and keep why."""
    await _settle(row, dead(error))


async def end_cancelled(row: Document) -> None:
    """Note that a job stopped because somebody cancelled it."""
    await _settle(row, CANCELLED)


async def give_back(row: Document) -> None:
    """Let another runner have a job at once, as if this one had not tried; one that was cancelled has ended."""
    cancelled = {"$eq": ["$cancel", True]}
    set = {
        "state": {"$cond": [cancelled, State.CANCELLED.value, State.READY.value]},
        "finished_at": {"$cond": [cancelled, "$$NOW", "$$REMOVE"]},
        "attempt": {"$subtract": ["$attempt", 1]},
    }
    await _settle(row, [{"$set": set}, _LET_GO])


async def settled() -> None:
    """Returns when the ends that were noted are written, those too whose runner no longer waits for them."""
    await _settlements.sent()


async def _settle(row: Document, update: list[Document]) -> None:
    await asyncio.shield(_settlements.add(UpdateOne(same_attempt(row), update)))  # written though nobody waits for it


async def _write(updates: Sequence[UpdateOne]) -> Mapping[int, Exception]:
    try:
        result = await database.collection(JOBS).bulk_write(updates, ordered=False)
    except OperationFailure as error:
        if len(updates) == 1:
            return {0: error}
        # One that the server refuses must not fail the others: each by itself; those that were written match no more.
        return {n: alone[0] for n, update in enumerate(updates) if (alone := await _write([update]))}
    if late := len(updates) - result.matched_count:
        _log.warning("jobs_overtaken", count=late)
    return {}


_settlements = Grouped(_write)
