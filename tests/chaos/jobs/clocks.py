"""Schedules that tick every second, one for each way to make up for what was missed: the business of R7."""

import asyncio
from typing import Any

from app.core.jobs import Backoff, CatchUp, Job, JobType, Tick, schedule
from tests.chaos.jobs.effects import keep, note

SECONDS = 0.3
"""How long a run takes: long enough to be killed in its middle."""
SOON = Backoff(first=0.2, longest=5.0)


@schedule("* * * * * *", catch_up=CatchUp.ALL, timeout=300, backoff=SOON)
async def every(job: Job[Tick]) -> None:
    await _run(job, "every")


@schedule("* * * * * *", catch_up=CatchUp.LAST, timeout=300, backoff=SOON)
async def newest(job: Job[Tick]) -> None:
    await _run(job, "newest")


@schedule("* * * * * *", catch_up=CatchUp.SKIP, timeout=300, backoff=SOON)
async def present(job: Job[Tick]) -> None:
    await _run(job, "present")


async def _run(job: Job[Tick], name: str) -> None:
    key = f"{name} {job.event.key()}"
    await note(job, key)
    await asyncio.sleep(SECONDS)
    await keep(job, key)


JOBS: list[JobType[Any]] = [every, newest, present]
