"""What a worker of the last release knows (R9)."""

from dataclasses import dataclass

from app.core.changes import Event
from app.core.jobs import Job, job
from tests.chaos.jobs import shop  # noqa: F401 - it knows that event, and none of its jobs
from tests.chaos.jobs.effects import keep, note


@dataclass(frozen=True, kw_only=True)
class ChaosShipped(Event):
    order: str


@job(ChaosShipped)
async def ship(job: Job[ChaosShipped]) -> None:
    await note(job, f"old {job.event.order}")
    await keep(job, f"old {job.event.order}")


JOBS = [ship]
