"""A small domain of jobs: an event, ways to make jobs of it and to see what became of them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from bson import ObjectId

from app.core import clock
from app.core.actor import Actor
from app.core.changes import Change, Event
from app.core.database import Document, collection
from app.core.jobs import Acceptance, Backoff, Job, JobType, Runner, Timekeeper, queue
from app.core.jobs.due import make_due_ready

PATIENCE = 20
ACTOR = Actor(ObjectId(), ObjectId())


@dataclass(frozen=True, kw_only=True)
class Asked(Event):
    what: str = ""


class Worker:
    """Remembers every attempt, and does in each what the test says."""

    def __init__(self, *steps: Callable[[Job[Asked]], Awaitable[Mapping[str, Any] | None]]) -> None:
        self._steps = list(steps)
        self.attempts: list[Job[Asked]] = []

    async def __call__(self, job: Job[Asked]) -> Mapping[str, Any] | None:
        self.attempts.append(job)
        return await self._steps.pop(0)(job) if self._steps else None


def declared(
    name: str, run: Callable[[Job[Asked]], Awaitable[Mapping[str, Any] | None]], **options: Any
) -> JobType[Asked]:
    given: dict[str, Any] = {"key": lambda event: str(event.id), "attempts": 3, "timeout": 10}
    return JobType(name, Asked, run, **{**given, "backoff": Backoff(0.01, 0.1), **options})


async def unheard(queues: Iterable[str]) -> None:
    """An announcement that nobody listens to."""


def told(*events: Event) -> list[Change]:
    """The events as the log tells them."""
    return [Change.of({**event.row(), "_id": n, "at": clock.now()}) for n, event in enumerate(events, 1)]


async def accept(types: Iterable[JobType[Any]], *events: Event) -> None:
    """Make the jobs that these events cause."""

    await Acceptance(types, unheard).accept(told(*events))


@asynccontextmanager
async def running(*types: JobType[Any], slots: int | None = None) -> AsyncIterator[Runner]:
    """A runner of these types, all of one queue, and a timekeeper at work, until the context ends."""
    runner = Runner(types, types[0].queue, slots)
    tasks = [asyncio.create_task(runner.run()), asyncio.create_task(Timekeeper(types, unheard).run())]
    try:
        yield runner
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def rows() -> list[Document]:
    return await collection("jobs").find().sort([("type", 1), ("created_at", 1), ("key", 1)]).to_list()


async def until(state: str) -> list[Document]:
    """All rows, once each of them is in this state."""
    async with asyncio.timeout(PATIENCE):
        while True:
            found = await rows()
            if found and all(row["state"] == state for row in found):
                return found
            await asyncio.sleep(0.02)


async def taken(kind: JobType[Any], owner: str) -> Document:
    """A job of the type, leased once whoever had it is silent for too long."""
    async with asyncio.timeout(PATIENCE):
        while True:
            await make_due_ready()
            if found := await queue.take(kind.queue, [kind.type], owner, 1):
                return found[0]
            await asyncio.sleep(0.05)
