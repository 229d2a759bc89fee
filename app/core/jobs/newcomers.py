"""Jobs that are new in a release, made also of events that a worker of the release before read past.

    consumers  {_id: "jobs", ..., jobs: [{type, after}], knows: [type], began}

In a rolling release the log may be read by a worker that knows an event and not the new job on it. So every process
registers the jobs of its release before it works; whoever begins to read, at `began`, writes down the jobs it `knows`,
and from which position on the others were left out: `after`. A worker that knows such a job makes it of those events,
up to where somebody reads who knows it, too.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from app.core import database
from app.core.changes import log
from app.core.changes.log import CONSUMERS
from app.core.clock import now
from app.core.database import Document
from app.core.jobs.declaration import JobType
from app.core.jobs.queue import KEPT

READER = "jobs"
"""The consumer that makes jobs of events."""

_JOBS: Document = {"$ifNull": ["$jobs", []]}


@dataclass(frozen=True, slots=True)
class Stretch:
    """Positions beyond `after`, up to `until`, in which a job may have been left out.

    `last`: whether none is left out beyond. `_token` is of the one who read the log when this was so.
    """

    type: str
    after: int
    until: int
    last: bool
    _noted: int
    _token: int


async def register(types: Iterable[JobType[Any]]) -> None:
    """Note which jobs a process knows, before the first event from which it expects one. May be run again."""
    head = await log.head()
    new = [{"type": kind.type, "after": head} for kind in types if kind.event]
    if not new:
        return
    known = {"$in": ["$$job.type", {"$ifNull": ["$jobs.type", []]}]}
    missing = {"$filter": {"input": {"$literal": new}, "as": "job", "cond": {"$not": [known]}}}
    update: list[Document] = [{"$set": {"jobs": {"$concatArrays": [_JOBS, missing]}}}]
    await database.collection(CONSUMERS).update_one({"_id": READER}, update, upsert=True)


async def begin(mine: Document, position: int, types: Collection[str]) -> None:
    """Note that one who knows these types reads from a position on; `mine` holds while it is the one who reads."""
    seen = {"$or": [{"$in": ["$$job.type", list(types)]}, {"$ne": [{"$type": "$$job.after"}, "missing"]}]}
    left_out = {"type": "$$job.type", "after": position}
    jobs = {"$map": {"input": _JOBS, "as": "job", "in": {"$cond": [seen, "$$job", left_out]}}}
    noted = {"jobs": jobs, "knows": {"$literal": list(types)}, "began": position}
    await database.collection(CONSUMERS).update_one(mine, [{"$set": noted}])


async def left_out(types: Collection[str]) -> list[Stretch]:
    """Where jobs of these types were left out.

    Not beyond what is remembered of jobs that were done, or they would be done again.
    """
    row = await database.collection(CONSUMERS).find_one({"_id": READER})
    jobs = [job for job in row.get("jobs", ()) if "after" in job and job["type"] in types] if row else []
    if row is None or not jobs or "began" not in row:
        return []
    oldest = await log.position_at(now() - KEPT)
    found = []
    for job in jobs:
        last = job["type"] in row["knows"]
        until = row["began"] if last else row.get("position", 0)
        if last or until > job["after"]:
            found.append(Stretch(job["type"], max(job["after"], oldest), until, last, job["after"], row["token"]))
    return found


async def made(stretch: Stretch, position: int) -> None:
    """Note that a job was made of the events up to a position, unless somebody else has begun to read since."""
    noted = {"type": stretch.type, "after": stretch._noted}
    mine = {"_id": READER, "token": stretch._token, "jobs": {"$elemMatch": noted}}
    done = stretch.last and position >= stretch.until
    update: Document = {"$unset": {"jobs.$.after": ""}} if done else {"$set": {"jobs.$.after": position}}
    await database.collection(CONSUMERS).update_one(mine, update)
