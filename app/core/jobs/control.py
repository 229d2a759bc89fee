"""What staff do with jobs and queues. Each is a conditional write, so that two who act at once do not collide.

Inside an @atomic scope all of it is a part of the scope, so that it can be told, or rehearsed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bson import ObjectId
from pymongo import UpdateOne

from app.core import database, signals
from app.core.changes.scope import session
from app.core.clock import now
from app.core.database import Document
from app.core.jobs import endings
from app.core.jobs.declaration import JobType, Queue
from app.core.jobs.making import put
from app.core.jobs.queue import JOBS, QUEUES, UNFINISHED, State, made_ready
from app.core.jobs.runner import CANCELLED
from app.core.jobs.schedules import Schedule
from app.core.jobs.timekeeper import SCHEDULES, run_of
from app.core.jobs.turns import give_turns

AGAIN = (State.DEAD, State.CANCELLED, State.DROPPED, State.RETRY)
"""States from which a job can be tried again at once."""
MOST = 1_000
"""Jobs that one command for many changes."""


@dataclass(frozen=True, slots=True)
class QueueFigures:
    """A queue as it is now. `oldest_ready` is when the job that has been ready longest was made."""

    queue: Queue
    paused: bool
    counts: Mapping[State, int]
    oldest_ready: datetime | None


@dataclass(frozen=True, slots=True)
class ScheduleFigures:
    """A schedule as it is now. `last` is None before its first tick was seen."""

    name: str
    cron: str
    zone: str
    catch_up: str
    paused: bool
    last: datetime | None
    next: datetime


async def retry(id: ObjectId) -> bool:
    """Let a job that failed or was cancelled run again now, with all its attempts; False when it is not such a one."""
    return await retry_all({"_id": id}, AGAIN) == 1


async def retry_all(where: Mapping[str, Any], states: Sequence[State] = (State.DEAD,)) -> int:
    """The same for those of these states on which a condition holds, the oldest MOST; answers how many."""
    chosen = {**where, "state": {"$in": [state.value for state in states]}}
    columns = dict.fromkeys(("state", "queue", "priority", "organization_id", "created_at"), 1)
    jobs = database.collection(JOBS)
    found = jobs.find(chosen, columns, sort=[("created_at", 1)], limit=MOST, session=session())
    rows = await found.to_list()
    if not rows:
        return 0
    await give_turns(rows)
    gone = dict.fromkeys(("due", "owner", "cancel", "finished_at"), "")
    updates = []
    for row in rows:
        modifiers = made_ready(row["turn"])
        modifiers["$set"]["attempt"] = 0
        updates.append(UpdateOne({"_id": row["_id"], "state": row["state"]}, {**modifiers, "$unset": gone}))
    return (await jobs.bulk_write(updates, ordered=False, session=session())).modified_count


async def drop(id: ObjectId) -> bool:
    """Give a dead job up: it is forgotten after a week. False when it is not dead."""
    return await drop_all({"_id": id}) == 1


async def drop_all(where: Mapping[str, Any]) -> int:
    """The same for the dead jobs on which a condition holds, the oldest MOST; answers how many."""
    jobs = database.collection(JOBS)
    dead: Document = {**where, "state": State.DEAD.value}
    found = jobs.find(dead, {"_id": 1}, sort=[("created_at", 1)], limit=MOST, session=session())
    ids = [row["_id"] async for row in found]
    update = [{"$set": {"state": State.DROPPED.value, "finished_at": "$$NOW"}}]
    chosen = {"_id": {"$in": ids}, "state": State.DEAD.value}
    return (await jobs.update_many(chosen, update, session=session())).modified_count


async def cancel(id: ObjectId) -> bool:
    """Stop a job: at once when it waits, as soon as its runner hears of it when it runs; False when it has ended."""
    jobs = database.collection(JOBS)
    waiting = [state.value for state in UNFINISHED if state is not State.RUNNING]
    stopped = await jobs.update_one({"_id": id, "state": {"$in": waiting}}, endings.CANCELLED, session=session())
    if stopped.matched_count:
        return True
    running = {"_id": id, "state": State.RUNNING.value}
    asked = await jobs.update_one(running, {"$set": {"cancel": True}}, session=session())
    if asked.matched_count:
        await signals.publish(CANCELLED, str(id))
    return asked.matched_count == 1


async def pause(queue: Queue) -> None:
    """Let runners take no more of a queue; those that run go on. Heard everywhere within some seconds."""
    await _set(QUEUES, queue.value, True)


async def resume(queue: Queue) -> None:
    await _set(QUEUES, queue.value, False)


async def figures() -> list[QueueFigures]:
    """Every queue; jobs that ended well are not counted."""
    jobs = database.collection(JOBS)
    shown = [state.value for state in (*UNFINISHED, State.DEAD)]
    by = {"queue": "$queue", "state": "$state"}
    counts: dict[str, dict[State, int]] = {queue.value: {} for queue in Queue}
    pipeline: list[Mapping[str, Any]] = [
        {"$match": {"state": {"$in": shown}}},
        {"$group": {"_id": by, "count": {"$sum": 1}, "oldest": {"$min": "$created_at"}}},
    ]
    oldest: dict[str, datetime] = {}
    async for group in await jobs.aggregate(pipeline, session=session()):
        name, state = group["_id"]["queue"], State(group["_id"]["state"])
        counts.setdefault(name, {})[state] = group["count"]
        if state is State.READY:
            oldest[name] = group["oldest"]
    stopped = {row["_id"] async for row in database.collection(QUEUES).find({"paused": True}, session=session())}
    return [
        QueueFigures(queue, queue.value in stopped, counts[queue.value], oldest.get(queue.value)) for queue in Queue
    ]


async def schedules(types: Sequence[JobType[Any]]) -> list[ScheduleFigures]:
    """The schedules among these types."""
    rows = {row["_id"]: row async for row in database.collection(SCHEDULES).find(session=session())}
    moment = now()
    found = []
    for kind in types:
        if isinstance(kind.cause, Schedule):
            row, cause = rows.get(kind.name, {}), kind.cause
            paused = bool(row.get("paused"))
            following = cause.after(moment)
            found.append(
                ScheduleFigures(
                    kind.name, cause.cron, cause.zone, cause.catch_up.value, paused, row.get("last"), following
                )
            )
    return found


async def pause_schedule(name: str) -> None:
    """Let a schedule make no more runs; what it misses is dealt with as after a time without workers."""
    await _set(SCHEDULES, name, True)


async def resume_schedule(name: str) -> None:
    await _set(SCHEDULES, name, False)


async def run_now(kind: JobType[Any]) -> ObjectId:
    """Run a scheduled job now, as if this moment were a tick; answers the job's id."""
    row = run_of(kind, now())
    await put([row])
    id: ObjectId = row["_id"]
    return id


async def _set(collection: str, id: str, paused: bool) -> None:
    made = {} if collection == QUEUES else {"$setOnInsert": {"last": now()}}
    await database.collection(collection).update_one(
        {"_id": id}, {"$set": {"paused": paused}, **made}, upsert=True, session=session()
    )
