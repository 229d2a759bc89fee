"""The jobs that are to be done, are being done and were done. All times that decide are the server's.

    jobs    {_id, type, key, queue, priority, organization_id, event | tick, state, due, turn, attempt, attempts, owner,
             token, cancel, created_at, ready_at, started_at, finished_at, progress: {done, total, note}, result,
             last_error}
    queues  {_id: queue, paused}

    waiting --due--> ready --taken--> running --> done | dead | cancelled
                       ^                 |
                       '--- due, retry <-'          a lease that ran out makes a running job ready again

`due` is when a waiting or retried job becomes ready, and when the lease of a running one is over; other rows have none.
`token` grows whenever a job is taken and never shrinks: it tells one lease from every other. Ready jobs are taken by
priority, then by `turn` (see `turns`). `_id` follows from type and key, so a job is made once.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Any

from bson import ObjectId
from pymongo import ASCENDING, DESCENDING, IndexModel, ReturnDocument

from app.core import database
from app.core.clock import EPOCH, now
from app.core.database import Document

JOBS = "jobs"
QUEUES = "queues"
LEASE = 10.0
"""Seconds after which a job whose runner fell silent may be taken by another."""
KEPT = timedelta(days=7)
"""How long a job that ended well is remembered, and its key with it. Dead ones stay until somebody deals with them."""
MAX_ERROR = 2_000
"""Characters that a row keeps of an error."""

_NONE: Counter[Any] = Counter()


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
            IndexModel([("due", ASCENDING)], partialFilterExpression={"due": {"$gt": EPOCH}}, name="due"),
            IndexModel([("state", ASCENDING), ("queue", ASCENDING), ("created_at", DESCENDING)], name="states"),
            IndexModel([("created_at", DESCENDING), ("_id", DESCENDING)], name="newest"),
            IndexModel([("type", ASCENDING), ("created_at", DESCENDING)], name="runs"),
            IndexModel([("organization_id", ASCENDING), ("created_at", DESCENDING)], name="organizations"),
            IndexModel([("finished_at", ASCENDING)], expireAfterSeconds=int(KEPT.total_seconds()), name="kept"),
        ]
    )


def id_of(type: str, key: str) -> ObjectId:
    """The id of the one job of a type with a key."""
    return ObjectId(hashlib.blake2s(f"{type}\0{key}".encode(), digest_size=12).digest())


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
                "token": {"$add": ["$token", 1]},
                "due": in_seconds(LEASE),
                "started_at": "$$NOW",
            }
        }
    ]
    jobs, order = database.collection(JOBS), [("priority", ASCENDING), ("turn", ASCENDING)]
    if most == 1:
        row = await jobs.find_one_and_update(where, taken, sort=order, return_document=ReturnDocument.AFTER)
        return [row] if row else []
    holding, chosen = held.copy(), []
    async for row in jobs.find(where, sort=order, limit=most):
        holding[row["organization_id"]] += 1
        if holding[row["organization_id"]] <= share:
            chosen.append(row)
    if not chosen:
        return []
    mine = {"_id": {"$in": [row["_id"] for row in chosen]}}
    result = await jobs.update_many({**mine, "state": State.READY.value}, taken)
    if result.modified_count == len(chosen):
        began = {"state": State.RUNNING.value, "owner": owner, "started_at": now()}
        return [{**row, **began, "attempt": row["attempt"] + 1, "token": row["token"] + 1} for row in chosen]
    rows = await jobs.find({**mine, "state": State.RUNNING.value, "owner": owner}).to_list()
    return sorted(rows, key=lambda row: (row["priority"], row["turn"]))


async def held(queue: str, owner: str) -> list[Document]:
    """The jobs of a queue that this owner has leased, those too whose lease it was never told of."""
    mine = {"state": State.RUNNING.value, "queue": queue, "owner": owner}
    return await database.collection(JOBS).find(mine).to_list()


async def renew(owner: str, ids: Sequence[ObjectId]) -> dict[ObjectId, Document]:
    """Lease jobs again; answers those that are still this owner's, with `token`, and `cancel` if somebody asked.

    Those that were done are among them, too: by whom, `token` tells.
    """
    these, mine = {"_id": {"$in": list(ids)}}, {"owner": owner, "state": State.RUNNING.value}
    jobs = database.collection(JOBS)
    await jobs.update_many({**these, **mine}, [{"$set": {"due": in_seconds(LEASE)}}])
    held = {**these, "$or": [mine, {"state": State.DONE.value}]}
    return {row["_id"]: row async for row in jobs.find(held, {"token": 1, "cancel": 1})}


def made_ready(turn: int) -> Document:
    """Modifiers that let a job be taken."""
    return {"$set": {"state": State.READY.value, "turn": turn}, "$currentDate": {"ready_at": True}}


async def unfinished(ids: Iterable[ObjectId]) -> set[ObjectId]:
    """Those of these jobs that are still to be done, or are being done."""
    where = {"_id": {"$in": list(ids)}, "state": {"$in": [state.value for state in UNFINISHED]}}
    return {row["_id"] async for row in database.collection(JOBS).find(where, {"_id": 1})}


async def paused(queue: str) -> bool:
    """Whether staff stopped a queue."""
    row = await database.collection(QUEUES).find_one({"_id": queue}, {"paused": 1})
    return bool(row and row.get("paused"))


def same_attempt(row: Document) -> Document:
    """The condition that holds while nobody else has the job: a runner that overslept its lease changes nothing."""
    return {"_id": row["_id"], "state": State.RUNNING.value, "owner": row["owner"], "token": row["token"]}


def in_seconds(seconds: float) -> dict[str, Any]:
    """A moment from now, by the server."""
    return {"$add": ["$$NOW", int(seconds * 1000)]}
