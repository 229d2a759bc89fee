from typing import Any

from bson import ObjectId

from app.core import changes
from app.core.jobs import Job, JobType, Queue, job
from app.models.organizations.events import (
    DeletionNews,
    OrganizationDeletionCancelled,
    OrganizationDeletionRequested,
    OwnerNoticeDue,
)
from app.services.notifications import emails
from app.services.organizations import deletion


@job(OrganizationDeletionRequested)
async def email_deletion_requested(job: Job[OrganizationDeletionRequested]) -> None:
    await _notify(job, job.event.organization, DeletionNews.REQUESTED)


@job(OrganizationDeletionCancelled)
async def email_deletion_cancelled(job: Job[OrganizationDeletionCancelled]) -> None:
    news = DeletionNews.FAILED if job.event.failed else DeletionNews.TAKEN_BACK
    await _notify(job, job.event.organization, news)


@changes.atomic
async def _notify(job: Job[Any], organization_id: ObjectId, news: DeletionNews) -> None:
    """Let each owner's e-mail be a job of its own: a bad address must not keep the news from the others."""
    await deletion.notify_owners(organization_id, news)
    await job.finish()


@job(OwnerNoticeDue, queue=Queue.OUTBOUND)
async def email_owner(job: Job[OwnerNoticeDue]) -> None:
    await emails.deletion_notice(job.event)


JOBS: list[JobType[Any]] = [email_deletion_requested, email_deletion_cancelled, email_owner]
