from typing import Any

from app.core.jobs import Job, JobType, Queue, job
from app.models.identity.events import SessionStarted
from app.services.notifications import emails


@job(SessionStarted, queue=Queue.OUTBOUND)
async def email_new_device(job: Job[SessionStarted]) -> None:
    await emails.new_device(job.event)


JOBS: list[JobType[Any]] = [email_new_device]
