"""Jobs as they begin: their rows, and how these are stored."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pymongo import UpdateOne

from app.core import database
from app.core.changes.scope import session
from app.core.clock import now
from app.core.database import Document
from app.core.jobs.declaration import JobType
from app.core.jobs.queue import JOBS, State, id_of
from app.core.jobs.turns import give_turns


def new_row(kind: JobType[Any], key: str, due: datetime | None = None) -> Document:
    """A job's row as it begins, without its cause; one without `due` is ready."""
    created_at = now()
    return {
        "_id": id_of(kind.type, key),
        "type": kind.type,
        "key": key,
        "queue": kind.queue.value,
        "priority": int(kind.priority),
        "organization_id": None,
        **({"state": State.WAITING.value, "due": due} if due else {"state": State.READY.value, "ready_at": created_at}),
        "attempt": 0,
        "token": 0,
        "attempts": kind.attempts,
        "created_at": created_at,
    }


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
