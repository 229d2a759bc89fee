"""Durable jobs: caused by events of the change log or by the clock, run until they succeed.

MongoDB holds them. An event rides in the write that tells it, and the job with it; a worker killed at any instant
loses none. Redis carries no more than a hint that there is something to do.
"""

from collections.abc import Iterable
from typing import Any

from app.core.jobs import acceptance, newcomers, queue
from app.core.jobs.acceptance import Acceptance
from app.core.jobs.attempt import Job
from app.core.jobs.declaration import Backoff, JobType, Overtaken, Permanent, Priority, Queue, job, schedule
from app.core.jobs.queue import State
from app.core.jobs.runner import Runner
from app.core.jobs.schedules import CatchUp, Schedule, Tick
from app.core.jobs.timekeeper import Timekeeper


async def prepare(types: Iterable[JobType[Any]] = ()) -> None:
    """Create the indexes of jobs, and note which a process knows. May be run again, by many processes at once."""
    await queue.prepare()
    await acceptance.prepare()
    await newcomers.register(types)


__all__ = [
    "Acceptance",
    "Backoff",
    "CatchUp",
    "Job",
    "JobType",
    "Overtaken",
    "Permanent",
    "Priority",
    "Queue",
    "Runner",
    "Schedule",
    "State",
    "Tick",
    "Timekeeper",
    "job",
    "prepare",
    "schedule",
]
