"""A worker's loops in the test's own process, and a way to wait until they have nothing left to do."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from bson import ObjectId

from app.core import changes, database
from app.core.actor import Actor
from app.core.changes import Event, Sequencer
from app.core.clock import new_id
from app.core.jobs import JobType, Queue, Runner
from app.core.jobs.queue import UNFINISHED
from app.core.rows import Row
from app.core.tasks import end
from app.jobs import roots
from tests.postoffice import PostOffice

PATIENCE = 30


@dataclass(kw_only=True)
class Mark(Row):
    collection: ClassVar[str] = "marks"

    id: ObjectId = field(default_factory=new_id)


@dataclass(frozen=True, kw_only=True)
class WorkMarked(Event):
    """Everything told before is before it in the log."""


@dataclass
class Worker:
    """The loops of a worker process, and what they deliver."""

    office: PostOffice
    tasks: list["asyncio.Task[None]"] = field(default_factory=list)

    def start(self, *, doing: Sequence[JobType[Any]] | None = None) -> None:
        """Run every loop; the runner does jobs of these types only, if some are named."""
        loops = dict(roots.loops())
        if doing is not None:
            loops |= {f"{queue.value} jobs": Runner(doing, queue).run for queue in Queue}
        self.tasks = [asyncio.ensure_future(loop()) for loop in (Sequencer().run, *loops.values())]

    async def stop(self) -> None:
        await end(*self.tasks)

    async def settled(self) -> None:
        """Wait until everything told so far, and all that follows from it, has been done."""
        async with asyncio.timeout(PATIENCE):
            while True:
                before = await database.collection("jobs").count_documents({})
                await self._consumed(await self._mark())
                while await database.collection("jobs").find_one({"state": {"$in": UNFINISHED}}):
                    await asyncio.sleep(0.05)
                await self._consumed(await self._mark())
                if before == await database.collection("jobs").count_documents({}):
                    return

    async def _mark(self) -> ObjectId:
        event = WorkMarked(Actor(ObjectId()))
        await changes.insert(Mark(), event)
        return event.id

    async def _consumed(self, event: ObjectId) -> None:
        while not (row := await database.collection("log").find_one({"e": event})):
            await asyncio.sleep(0.02)
        while await database.collection("consumers").count_documents({"position": {"$gte": row["_id"]}}) < 4:
            await asyncio.sleep(0.02)
