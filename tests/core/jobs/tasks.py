"""A small domain of jobs: an event, ways to make jobs of it and to see what became of them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from bson import ObjectId

from app.core import clock
from app.core.actor import Actor
from app.core.changes import Change, Event
from app.core.database import Document, collection
from app.core.jobs import Job, JobType, Runner, accepting

PATIENCE = 20
ACTOR = Actor(ObjectId(), ObjectId())


@dataclass(frozen=True, kw_only=True)
class Asked(Event):
    what: str = ""


class Worker:
    """Remembers every attempt, and does in each what the test says."""

    def __init__(self, *steps: Callable[[Job[Asked]], Awaitable[None]]) -> None:
        self._steps = list(steps)
        self.attempts: list[Job[Asked]] = []

    async def __call__(self, job: Job[Asked]) -> None:
        self.attempts.append(job)
        if self._steps:
            await self._steps.pop(0)(job)


def declared(name: str, run: Callable[[Job[Asked]], Awaitable[None]], **options: Any) -> JobType[Asked]:
    given: dict[str, Any] = {"key": lambda event: str(event.id), "due": None, "attempts": 3, "timeout": 10}
    return JobType(name, Asked, run, **{**given, **options})


def told(*events: Event) -> list[Change]:
    """The events as the log tells them."""
    return [Change.of({**event.row(), "_id": n, "at": clock.now()}) for n, event in enumerate(events, 1)]


async def accept(types: Iterable[JobType[Any]], *events: Event) -> None:
    """Make the jobs that these events cause."""

    async def announce() -> None:
        """Nobody listens."""

    await accepting(types, announce)(told(*events))


@asynccontextmanager
async def running(*types: JobType[Any]) -> AsyncIterator[Runner]:
    """A runner at work, until the context ends."""
    runner = Runner(types)
    task = asyncio.create_task(runner.run())
    try:
        yield runner
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def rows() -> list[Document]:
    return await collection("jobs").find().sort("_id", 1).to_list()


async def until(state: str) -> list[Document]:
    """All rows, once each of them is in this state."""
    async with asyncio.timeout(PATIENCE):
        while True:
            found = await rows()
            if found and all(row["state"] == state for row in found):
                return found
            await asyncio.sleep(0.02)
