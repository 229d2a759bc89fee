"""R10: nobody waits for other people's jobs that hang: from the write to the start, through every loop of a worker."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import ClassVar

import pytest
from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from app.core import changes, signals
from app.core.actor import Actor
from app.core.changes import Event, Sequencer
from app.core.clock import new_id
from app.core.database import Document
from app.core.jobs import Job, Queue, job, runner
from app.core.rows import Row
from app.core.tasks import end
from app.jobs import roots

PATIENCE = 60
STUCK = 500
SOON = 1.0
"""Seconds within which the other organization's job starts."""

CROWD, OTHER = Actor.platform(ObjectId()), Actor.platform(ObjectId())


@dataclass(kw_only=True)
class Asking(Row):
    collection: ClassVar[str] = "askings"

    id: ObjectId = field(default_factory=new_id)


@dataclass(frozen=True, kw_only=True)
class PatienceAsked(Event):
    """Something that takes for ever when the crowd wants it."""


class Started:
    """When jobs of each organization began."""

    def __init__(self) -> None:
        self.crowd = 0
        self.other: list[float] = []

    async def begin(self, job: Job[PatienceAsked]) -> None:
        if job.event.actor.organization_id == OTHER.organization_id:
            self.other.append(time.monotonic())
            return
        self.crowd += 1
        await asyncio.Event().wait()


@pytest.fixture
async def started(
    empty: AsyncDatabase[Document], redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Started]:
    """What happens in a worker that does this job only."""
    monkeypatch.setattr(runner, "GRACE", 0.1)
    signals.connect(redis_url)
    started = Started()

    @job(PatienceAsked, timeout=3600)
    async def wait(job: Job[PatienceAsked]) -> None:
        await started.begin(job)

    loops = Sequencer().run, *roots.loops([Queue.DEFAULT], [wait]).values()
    tasks = [asyncio.ensure_future(loop()) for loop in loops]
    yield started
    await end(*tasks)
    await signals.close()


async def test_r10_a_job_starts_within_a_second_behind_500_that_hang(
    started: Started, empty: AsyncDatabase[Document]
) -> None:
    """Also the second one, which finds the crowd in every slot that it may have."""
    async with asyncio.timeout(PATIENCE):
        for _ in range(STUCK):
            await changes.insert(Asking(), PatienceAsked(CROWD))
        while await empty.jobs.count_documents({}) < STUCK or not started.crowd:
            await asyncio.sleep(0.02)
        delays = [await _delay(started) for _ in range(10)]
    slots = runner.SLOTS[Queue.DEFAULT]
    print(
        f"R10: {started.crowd} of {slots} slots hang; another's starts after {min(delays):.3f} to {max(delays):.3f} s"
    )
    assert sorted(delays)[len(delays) // 2] <= SOON
    assert started.crowd < slots


async def _delay(started: Started) -> float:
    """Seconds from a write to the start of the job that it causes."""
    before, asked = len(started.other), time.monotonic()
    await changes.insert(Asking(), PatienceAsked(OTHER))
    while len(started.other) == before:
        await asyncio.sleep(0.005)
    return started.other[-1] - asked
