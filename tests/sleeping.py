"""A worker process whose jobs sleep, and note in the collection `naps` when they began and ended."""

import asyncio
import os
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from bson import ObjectId

from app import worker
from app.core.changes import Event
from app.core.clock import new_id, now
from app.core.database import collection
from app.core.jobs import Job, job
from app.core.rows import Row
from app.core.settings import settings


@dataclass(kw_only=True)
class Bed(Row):
    collection: ClassVar[str] = "beds"

    id: ObjectId = field(default_factory=new_id)


@dataclass(frozen=True, kw_only=True)
class SleepWanted(Event):
    seconds: float


@dataclass(frozen=True, slots=True)
class Nap:
    """One execution."""

    job: str
    seconds: float
    process: int
    attempt: int
    began: datetime
    ended: datetime | None


@job(SleepWanted, timeout=60)
async def sleep(job: Job[SleepWanted]) -> None:
    nap = {"job": job.id, "seconds": job.event.seconds, "process": os.getpid(), "attempt": job.attempt, "began": now()}
    id = (await collection("naps").insert_one(nap)).inserted_id
    await asyncio.sleep(job.event.seconds)
    await collection("naps").update_one({"_id": id}, {"$set": {"ended": now()}})


async def naps() -> list[Nap]:
    """Every execution so far, in the order of their beginnings."""
    rows = await collection("naps").find({}, {"_id": 0}).sort("began", 1).to_list()
    return [Nap(**{"ended": None, **row}) for row in rows]


def run() -> None:
    """Work until a signal; not as `__main__`, for an event has one class."""
    asyncio.run(worker.run(settings(), types=[sleep]))
