"""What jobs of a chaos run leave behind: a note of each execution, and effects that tell how often they happened."""

import os
from contextlib import suppress
from typing import Any

from bson import ObjectId
from pymongo.errors import DuplicateKeyError

from app.core import changes, database
from app.core.clock import now
from app.core.jobs import Job

EXECUTIONS = "chaos_executions"
EFFECTS = "chaos_effects"
NOTICES = "chaos_notices"


async def prepare() -> None:
    """Transactions find their collections there."""
    for name in (EXECUTIONS, EFFECTS, NOTICES):
        await database.database().create_collection(name)


async def note(job: Job[Any], key: str, *, meant_to_fail: bool = False) -> None:
    """Say that a function was called, by which process; a plain insert, which stays whatever becomes of the job."""
    execution = {"job": ObjectId(job.id), "key": key, "attempt": job.attempt, "at": now(), "pid": os.getpid()}
    await database.collection(EXECUTIONS).insert_one({**execution, "meant_to_fail": meant_to_fail})


@changes.atomic
async def keep(job: Job[Any], key: str) -> None:
    """An effect that commits with the end of its job. It counts, so that a second time shows."""
    effects = database.collection(EFFECTS)
    await effects.update_one({"_id": key}, {"$inc": {"times": 1}}, upsert=True, session=changes.session())
    await job.finish({"kept": key})


async def send(job: Job[Any], key: str) -> None:
    """An effect that commits apart from its job: whoever receives it knows it again by the job's id."""
    with suppress(DuplicateKeyError):
        await database.collection(NOTICES).insert_one({"_id": job.id, "key": key})


async def kept(prefix: str = "") -> list[str]:
    """The keys of all effects that begin so, each as often as it happened."""
    mine = {"$regex": f"^{prefix}"}
    counted = [(row["_id"], row["times"]) async for row in database.collection(EFFECTS).find({"_id": mine})]
    sent = [row["key"] async for row in database.collection(NOTICES).find({"key": mine})]
    return [*(key for key, times in counted for _ in range(times)), *sent]


async def executions(prefix: str = "") -> list[dict[str, Any]]:
    """The notes of executions whose keys begin so, in their order."""
    mine = {"key": {"$regex": f"^{prefix}"}}
    return await database.collection(EXECUTIONS).find(mine, sort=[("at", 1)]).to_list()
