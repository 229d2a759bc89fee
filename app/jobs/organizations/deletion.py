from typing import Any

from app.core.jobs import Job, JobType, Queue, job
from app.models.organizations.events import OrganizationDeletionCancelled, OrganizationDeletionRequested
from app.services.notifications import emails
from app.services.notifications.emails import ATTEMPTS


@job(OrganizationDeletionRequested, queue=Queue.OUTBOUND, attempts=ATTEMPTS)
async def email_deletion_requested(job: Job[OrganizationDeletionRequested]) -> None:
    await emails.deletion_requested(job.event, job.id)


@job(OrganizationDeletionCancelled, queue=Queue.OUTBOUND, attempts=ATTEMPTS)
async def email_deletion_cancelled(job: Job[OrganizationDeletionCancelled]) -> None:
    await emails.deletion_cancelled(job.event, job.id)


JOBS: list[JobType[Any]] = [email_deletion_requested, email_deletion_cancelled]
