"""What the timekeeper does with jobs whose time has come, and with those whose runner fell silent."""

import asyncio
import random
from typing import Any

import pymongo
import structlog
from pymongo import ASCENDING, UpdateOne
from pymongo.errors import PyMongoError

from app.core import database
from app.core.clock import EPOCH
from app.core.database import Document
from app.core.jobs.endings import CANCELLED, dead, later
from app.core.jobs.queue import JOBS, MAX_ERROR, State, made_ready
from app.core.jobs.turns import give_turns

DUE_LIMIT = 500
HELD = 0.5
"""Seconds that one row may keep the timekeeper waiting."""
APART = 4.0
"""Seconds over which jobs are spread that fell silent more than once: one of them may end every process that takes it,
and those that were together with it must not be so again and again."""

_SILENT = "its process ended, or lost touch with the database, in the last attempt"
_log = structlog.stdlib.get_logger(__name__)


async def make_due_ready(*, silent: bool = True) -> tuple[int, set[str]]:
    """Let jobs whose time has come be taken, and end those whose runner fell silent in the last attempt.

    Answers how many there were (DUE_LIMIT at most), and the queues in which some became ready. `silent`: whether
    runners have had the time to renew their leases, so that silence means something.
    """
    where: Document = {"due": {"$gt": EPOCH}, "$expr": {"$lte": ["$due", "$$NOW"]}}
    if not silent:
        where["state"] = {"$ne": State.RUNNING.value}
    columns = dict.fromkeys(
        ("state", "queue", "priority", "organization_id", "attempt", "attempts", "due", "cancel"), 1
    )
    rows = await database.collection(JOBS).find(where, columns, sort=[("due", ASCENDING)], limit=DUE_LIMIT).to_list()
    if not rows:
        return 0, set()
    ready = [row for row in rows if not (row.get("cancel") or _spent(row) or _suspect(row))]
    await give_turns(ready)
    if waiting := [UpdateOne(_unmoved(row), _moved(row)) for row in rows if row["state"] != State.RUNNING]:
        await database.collection(JOBS).bulk_write(waiting, ordered=False)
    await asyncio.gather(*(_move_silent(row) for row in rows if row["state"] == State.RUNNING))
    return len(rows), {row["queue"] for row in ready}


def _spent(row: Document) -> bool:
    return bool(row["state"] == State.RUNNING and row["attempt"] >= row["attempts"])


def _suspect(row: Document) -> bool:
    return bool(row["state"] == State.RUNNING and row["attempt"] > 1)


def _moved(row: Document) -> Any:
    """The update of a row whose `due` has come."""
    if row.get("cancel"):
        return CANCELLED
    if _spent(row):
        return dead(_SILENT)
    if _suspect(row):
        return later(random.random() * APART)  # noqa: S311 - jitter
    return {**made_ready(row["turn"]), "$unset": {"due": "", "owner": ""}}


async def _move_silent(row: Document) -> None:
    """Alone, and not for long: a process that died inside a transaction holds what that wrote until the server ends it.

    Such a row is passed over, and found again at the next look.
    """
    try:
        with pymongo.timeout(HELD):
            found = await database.collection(JOBS).update_one(_unmoved(row), _moved(row))
    except PyMongoError as error:
        if not error.timeout:
            raise
        _log.warning("job_held", job=str(row["_id"]), error=repr(error)[:MAX_ERROR])
        return
    if found.matched_count and _spent(row):
        _log.error("job_dead", job=str(row["_id"]), error=_SILENT)


def _unmoved(row: Document) -> Document:
    return {"_id": row["_id"], "state": row["state"], "due": row["due"]}
