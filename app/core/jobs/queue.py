"""The jobs that are to be done, are being done and were done. All times are the server's.

    jobs  {_id: "<type>:<key>", type, event: {e, t, o, a, d}, organization, state, due, attempt, owner, created,
           last_error, finished}

`state` is waiting, running, retry, done or dead. `due` is when the row may be taken: at the job's time, after a pause,
or when the lease of the runner that has it is over; a row that is done or dead has none.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from pymongo import ASCENDING, IndexModel, ReturnDocument, UpdateOne

from app.core import database
from app.core.changes.log import Change
from app.core.clock import now
from app.core.database import Document
from app.core.jobs.declaration import JobType

JOBS = "jobs"
LEASE = 10.0
"""Seconds after which a job whose runner fell silent may be taken by another."""
KEPT = timedelta(days=7)
"""How long a job that was done is remembered, and its key with it. Dead ones stay."""


async def prepare() -> None:
    """Create the indexes. May be run again, by many processes at once."""
    await database.collection(JOBS).create_indexes(
        [
            IndexModel([("type", ASCENDING), ("due", ASCENDING)]),
            IndexModel([("finished", ASCENDING)], expireAfterSeconds=int(KEPT.total_seconds())),
        ]
    )


async def put(types: Mapping[str, Sequence[JobType[Any]]], changes: Iterable[Change]) -> int:
    """Make the jobs that events cause, by event type; answers how many were not there before."""
    made = [_made(kind, change) for change in changes for kind in types.get(change.type, ())]
    if not made:
        return 0
    result = await database.collection(JOBS).bulk_write(made, ordered=False)
    return result.upserted_count


def _made(kind: JobType[Any], change: Change) -> UpdateOne:
    event = change.event
    row = {
        "type": kind.type,
        "event": {
            "e": change.id,
            "t": change.type,
            "o": change.organization_id,
            "a": change.actor,
            "d": dict(change.data),
        },
        "organization": change.organization_id,
        "state": "waiting",
        "due": kind.due(event) if kind.due else change.at,
        "attempt": 0,
        "created": now(),
    }
    return UpdateOne({"_id": f"{kind.type}:{kind.key(event)}"}, {"$setOnInsert": row}, upsert=True)


async def take(types: Sequence[str], owner: str) -> Document | None:
    """Lease the job of these types that has been due longest, for LEASE seconds; None when none is due."""
    return await database.collection(JOBS).find_one_and_update(
        {"type": {"$in": types}, "due": {"$type": "date"}, "$expr": {"$lte": ["$due", "$$NOW"]}},
        [{"$set": {"state": "running", "owner": owner, "attempt": {"$add": ["$attempt", 1]}, "due": _in(LEASE)}}],
        sort=[("due", ASCENDING)],
        return_document=ReturnDocument.AFTER,
    )


async def renew(row: Document) -> bool:
    """Lease a job again; False when somebody else has it by now."""
    return await _settle(row, [{"$set": {"due": _in(LEASE)}}])


async def finish(row: Document) -> bool:
    """Note that a job was done; False when somebody else has it by now."""
    return await _settle(row, [{"$set": {"state": "done", "finished": "$$NOW"}}, {"$unset": ["due", "owner"]}])


async def retry(row: Document, error: str, pause: float) -> bool:
    """Let a job run again in `pause` seconds; False when somebody else has it by now."""
    set = {"state": "retry", "due": _in(pause), "last_error": {"$literal": error}}
    return await _settle(row, [{"$set": set}, {"$unset": ["owner"]}])


async def bury(row: Document, error: str) -> bool:
    """Give a job up and keep why; False when somebody else has it by now."""
    set = {"state": "dead", "last_error": {"$literal": error}}
    return await _settle(row, [{"$set": set}, {"$unset": ["due", "owner"]}])


async def give_back(row: Document) -> bool:
    """Let another runner have a job at once, as if this one had not tried."""
    set = {"state": "retry", "due": "$$NOW", "attempt": {"$subtract": ["$attempt", 1]}}
    return await _settle(row, [{"$set": set}, {"$unset": ["owner"]}])


async def _settle(row: Document, update: list[Mapping[str, Any]]) -> bool:
    """Change a row only while it is the same attempt: a runner that overslept its lease changes nothing."""
    mine = {"_id": row["_id"], "state": "running", "owner": row["owner"], "attempt": row["attempt"]}
    return (await database.collection(JOBS).update_one(mine, update)).matched_count == 1


def _in(seconds: float) -> dict[str, Any]:
    return {"$add": ["$$NOW", int(seconds * 1000)]}
