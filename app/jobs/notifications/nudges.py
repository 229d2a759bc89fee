from typing import Any

from app.core.jobs import Job, JobType, job
from app.models.notifications.events import DigestDue, NotificationCreated, NudgeDue
from app.services.notifications import nudges


@job(NotificationCreated)
async def plan_nudges(job: Job[NotificationCreated]) -> None:
    await nudges.plan(job.event, job.finish)


@job(NudgeDue, key=lambda event: f"{event.notification}:{event.channel}:{event.due}", due=lambda event: event.due)
async def nudge(job: Job[NudgeDue]) -> None:
    await nudges.nudge(job.event, job.finish)


def _digest(event: DigestDue) -> str:
    """All that is held for one moment comes together."""
    return f"{event.actor.organization_id}:{event.user}:{event.channel}:{event.due}"


@job(DigestDue, key=_digest, due=lambda event: event.due)
async def digest(job: Job[DigestDue]) -> None:
    await nudges.digest(job.event, job.finish)


JOBS: list[JobType[Any]] = [plan_nudges, nudge, digest]
