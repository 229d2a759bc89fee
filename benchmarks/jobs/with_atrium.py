"""Atrium's side: `python -m benchmarks.jobs.with_atrium NAME` is a worker that does the jobs of one manner."""

import asyncio
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from typing import ClassVar

import uvloop
from bson import ObjectId
from pymongo.errors import DuplicateKeyError

from app import startup, worker
from app.core import changes, database
from app.core.actor import Actor
from app.core.changes import Event
from app.core.clock import new_id
from app.core.jobs import Job, job
from app.core.rows import Row
from app.core.settings import Settings
from app.jobs import roots
from benchmarks.jobs.effects import BEGUN, CAUSES, EFFECTS, effect
from benchmarks.jobs.sending import Order, Sent, send

ORGANIZATIONS = [ObjectId() for _ in range(10)]
"""Jobs are of each of them by turns."""


@dataclass(frozen=True, kw_only=True)
class WorkAsked(Event):
    number: int
    seconds: float


@dataclass(kw_only=True)
class Cause(Row):
    collection: ClassVar[str] = CAUSES

    number: int
    id: ObjectId = field(default_factory=new_id)


@job(WorkAsked)
async def keyed(job: Job[WorkAsked]) -> None:
    """The effect, and then the job's end."""
    row = effect(job.id, job.event.number)
    await _take_time(job.event)
    with suppress(DuplicateKeyError):
        await database.collection(EFFECTS).insert_one(row)


@job(WorkAsked)
async def atomic(job: Job[WorkAsked]) -> None:
    """The effect and the job's end in one transaction."""
    row = effect(job.id, job.event.number)
    await _take_time(job.event)

    @changes.atomic
    async def commit() -> None:
        await database.collection(EFFECTS).insert_one(row, session=changes.session())
        await job.finish()

    await commit()


async def _take_time(event: WorkAsked) -> None:
    if event.seconds:
        await database.collection(BEGUN).insert_one({"number": event.number})
        await asyncio.sleep(event.seconds)


def enqueue(order: Order) -> Sent:
    """Runs in the sender's process."""

    async def write(number: int) -> None:
        actor = Actor.platform(ORGANIZATIONS[number % len(ORGANIZATIONS)])
        await changes.insert(Cause(number=number), WorkAsked(actor, number=number, seconds=order.seconds))

    async def run() -> Sent:
        startup.connect(Settings())
        try:
            await database.client().admin.command("ping")
            return await send(order, write)
        finally:
            await startup.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
        return loop.run(run())


if __name__ == "__main__":  # a whole worker, with one of these jobs beside the domains'
    asyncio.run(worker.run(Settings(), types=[*roots.JOBS, {"keyed": keyed, "atomic": atomic}[sys.argv[1]]]))
