"""The jobs that are to be done, are being done and were done. All times that decide are the server's.

    jobs    {_id, type, key, queue, priority, organization_id, event | tick, state, due, turn, attempt, attempts, owner,
             cancel, created_at, ready_at, started_at, finished_at, progress: {done, total, note}, result, last_error}
    queues  {_id: queue, paused}

    waiting --due--> ready --taken--> running --> done | dead | cancelled
                       ^                 |
                       '--- due, retry <-'          a lease that ran out makes a running job ready again

`due` is when a waiting or retried job becomes ready, and when the lease of a running one is over; other rows have none.
Ready jobs are taken by priority, then by `turn` (see `turns`). `_id` follows from type and key, so a job is made once.
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Any

import pymongo
import structlog
from bson import ObjectId
from pymongo import ASCENDING, DESCENDING, IndexModel, ReturnDocument, UpdateOne
from pymongo.errors import PyMongoError

from app.core import database
from app.core.changes.scope import session
from app.core.clock import at
from app.core.database import Document
from app.core.grouping import Grouped
from app.core.jobs.turns import give_turns

JOBS = "jobs"
QUEUES = "queues"
LEASE = 10.0
"""Seconds after which a job whose runner fell silent may be taken by another."""
KEPT = timedelta(days=7)
"""How long a job that ended well is remembered, and its key with it. Dead ones stay until somebody deals with them."""
DUE_LIMIT = 500
HELD = 0.5
"""Seconds that one row may keep the timekeeper waiting."""
MAX_ERROR = 2_000
"""Characters that a row keeps of an error."""

_EPOCH = at(0)
_NONE: Counter[Any] = Counter()
_SILENT = "its process ended, or lost touch with the database, in the last attempt"
_log = structlog.stdlib.get_logger(__name__)


class State(StrEnum):
    WAITING = "waiting"
    """Its time has not come."""
    READY = "ready"
    RUNNING = "running"
    RETRY = "retry"
    """It failed, and waits to be tried again."""
    DONE = "done"
    DEAD = "dead"
    """It failed for good, and waits for a person."""
    CANCELLED = "cancelled"
    DROPPED = "dropped"
    """It was dead, and a person gave it up."""


UNFINISHED = (State.WAITING, State.READY, State.RUNNING, State.RETRY)


async def prepare() -> None:
    """Create the indexes. May be run again, by many processes at once."""
    ready = {"state": State.READY.value}
    order = [("queue", ASCENDING), ("priority", ASCENDING)]
    await database.collection(JOBS).create_indexes(
        [
            IndexModel([*order, ("turn", ASCENDING)], partialFilterExpression=ready, name="next"),
            IndexModel(
                [*order, ("organization_id", ASCENDING), ("turn", DESCENDING)],
                partialFilterExpression=ready,
                name="turns",
            ),
            IndexModel([("due", ASCENDING)], partialFilterExpression={"due": {"$gt": _EPOCH}}, name="due"),
            IndexModel([("state", ASCENDING), ("queue", ASCENDING), ("created_at", DESCENDING)], name="states"),
            IndexModel([("created_at", DESCENDING), ("_id", DESCENDING)], name="newest"),
            IndexModel([("type", ASCENDING), ("created_at", DESCENDING)], name="runs"),
            IndexModel([("finished_at", ASCENDING)], expireAfterSeconds=int(KEPT.total_seconds()), name="kept"),
        ]
    )


def id_of(type: str, key: str) -> ObjectId:
    """The id of the one job of a type with a key."""
    return ObjectId(hashlib.blake2s(f"{type}\0{key}".encode(), digest_size=12).digest())


async def put(rows: Sequence[Document]) -> set[str]:
    """Store new jobs, each only once; answers the queues in which some became ready that were not there before."""
    if not rows:
        return set()
    await give_turns([row for row in rows if row["state"] == State.READY])
    made = [
        UpdateOne({"_id": row["_id"]}, {"$setOnInsert": {k: v for k, v in row.items() if k != "_id"}}, upsert=True)
        for row in rows
    ]
    result = await database.collection(JOBS).bulk_write(made, ordered=False, session=session())
    fresh = (rows[index] for index in result.upserted_ids or ())
    return {row["queue"] for row in fresh if row["state"] == State.READY}


async def take(
    queue: str, types: Sequence[str], owner: str, most: int, *, share: int | None = None, held: Counter[Any] = _NONE
) -> list[Document]:
    """Lease the next ready jobs of these types, for LEASE seconds, `most` at most.

    `share` is how many an organization may hold at once, and `held` how many it holds already.
    """
    share = most if share is None else share
    where: Document = {"queue": queue, "state": State.READY.value, "type": {"$in": types}}
    if full := [organization for organization, count in held.items() if count >= share]:
        where["organization_id"] = {"$nin": full}
    taken: list[Document] = [
        {
            "$set": {
                "state": State.RUNNING.value,
                "owner": owner,
                "attempt": {"$add": ["$attempt", 1]},
                "due": _in(LEASE),
                "started_at": "$$NOW",
            }
        }
    ]
    jobs, order = database.collection(JOBS), [("priority", ASCENDING), ("turn", ASCENDING)]
    if most == 1:
        row = await jobs.find_one_and_update(where, taken, sort=order, return_document=ReturnDocument.AFTER)
        return [row] if row else []
    holding, ids = held.copy(), []
    async for row in jobs.find(where, {"organization_id": 1}, sort=order, limit=most):
        holding[row["organization_id"]] += 1
        if holding[row["organization_id"]] <= share:
            ids.append(row["_id"])
    if not ids:
        return []
    mine = {"_id": {"$in": ids}}
    await jobs.update_many({**mine, "state": State.READY.value}, taken)
    rows = await jobs.find({**mine, "state": State.RUNNING.value, "owner": owner}).to_list()
    return sorted(rows, key=lambda row: (row["priority"], row["turn"]))


async def renew(owner: str, ids: Sequence[ObjectId]) -> dict[ObjectId, Document]:
    """Lease jobs again; answers those that are still this owner's, with `attempt`, and `cancel` if somebody asked.

    Those that were done are among them, too: by whom, `attempt` tells.
    """
    these, mine = {"_id": {"$in": list(ids)}}, {"owner": owner, "state": State.RUNNING.value}
    jobs = database.collection(JOBS)
    await jobs.update_many({**these, **mine}, [{"$set": {"due": _in(LEASE)}}])
    held = {**these, "$or": [mine, {"state": State.DONE.value}]}
    return {row["_id"]: row async for row in jobs.find(held, {"attempt": 1, "cancel": 1})}


async def make_due_ready() -> tuple[int, set[str]]:
    """Let jobs whose time has come be taken, and end those whose runner fell silent in the last attempt.

    Answers how many there were (DUE_LIMIT at most), and the queues in which some became ready.
    """
    where = {"due": {"$gt": _EPOCH}, "$expr": {"$lte": ["$due", "$$NOW"]}}
    columns = dict.fromkeys(
        ("state", "queue", "priority", "organization_id", "attempt", "attempts", "due", "cancel"), 1
    )
    rows = await database.collection(JOBS).find(where, columns, sort=[("due", ASCENDING)], limit=DUE_LIMIT).to_list()
    if not rows:
        return 0, set()
    ready = [row for row in rows if not (row.get("cancel") or _spent(row))]
    await give_turns(ready)
    if waiting := [UpdateOne(_unmoved(row), _moved(row)) for row in rows if row["state"] != State.RUNNING]:
        await database.collection(JOBS).bulk_write(waiting, ordered=False)
    await asyncio.gather(*(_move_silent(row) for row in rows if row["state"] == State.RUNNING))
    return len(rows), {row["queue"] for row in ready}


def _spent(row: Document) -> bool:
    return bool(row["state"] == State.RUNNING and row["attempt"] >= row["attempts"])


def _moved(row: Document) -> Any:
    """The update of a row whose `due` has come."""
    if row.get("cancel"):
        return [_CANCELLED, _END]
    if _spent(row):
        return [_dead(_SILENT), _END]
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


def made_ready(turn: int) -> Document:
    """Modifiers that let a job be taken."""
    return {"$set": {"state": State.READY.value, "turn": turn}, "$currentDate": {"ready_at": True}}


def _unmoved(row: Document) -> Document:
    return {"_id": row["_id"], "state": row["state"], "due": row["due"]}


async def finish(row: Document, result: Mapping[str, Any] | None) -> None:
    """Note that a job was done."""
    set = {"state": State.DONE.value, "finished_at": "$$NOW", "result": {"$literal": result}}
    await _settle(row, [{"$set": set}, _END])


async def retry(row: Document, error: str, pause: float, *, counted: bool = True) -> None:
    """Let a job run again in `pause` seconds; as if this attempt had not been, unless it is `counted`."""
    attempt = "$attempt" if counted else {"$subtract": ["$attempt", 1]}
    set = {"state": State.RETRY.value, "due": _in(pause), "last_error": {"$literal": error}, "attempt": attempt}
    await _settle(row, [{"$set": set}, {"$unset": ["owner"]}])


async def bury(row: Document, error: str) -> None:
    """Give a job up and keep why."""
    await _settle(row, [_dead(error), _END])


async def end_cancelled(row: Document) -> None:
    """Note that a job stopped because somebody cancelled it."""
    await _settle(row, [_CANCELLED, _END])


async def give_back(row: Document) -> None:
    """Let another runner have a job at once, as if this one had not tried."""
    set = {"state": State.READY.value, "attempt": {"$subtract": ["$attempt", 1]}}
    await _settle(row, [{"$set": set}, {"$unset": ["due", "owner"]}])


async def paused(queue: str) -> bool:
    """Whether staff stopped a queue."""
    row = await database.collection(QUEUES).find_one({"_id": queue}, {"paused": 1})
    return bool(row and row.get("paused"))


def same_attempt(row: Document) -> Document:
    """The condition that holds while nobody else has the job: a runner that overslept its lease changes nothing."""
    return {"_id": row["_id"], "state": State.RUNNING.value, "owner": row["owner"], "attempt": row["attempt"]}


async def settled() -> None:
    """Returns when the ends that were noted are written, those too whose runner no longer waits for them."""
    await _settlements.sent()


async def _settle(row: Document, update: Sequence[Mapping[str, Any]]) -> None:
    await _settlements.add(UpdateOne(same_attempt(row), list(update)))


async def _write(updates: Sequence[UpdateOne]) -> None:
    result = await database.collection(JOBS).bulk_write(updates, ordered=False)
    if late := len(updates) - result.matched_count:
        _log.warning("jobs_overtaken", count=late)


_settlements = Grouped(_write)
_CANCELLED: Document = {"$set": {"state": State.CANCELLED.value, "finished_at": "$$NOW"}}
_END: Document = {"$unset": ["due", "owner", "cancel"]}


def _dead(error: str) -> Document:
    return {"$set": {"state": State.DEAD.value, "last_error": {"$literal": error}}}


def _in(seconds: float) -> dict[str, Any]:
    return {"$add": ["$$NOW", int(seconds * 1000)]}
