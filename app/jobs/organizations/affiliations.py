from typing import Any

from app.core.jobs import Job, JobType, Queue, job
from app.models.organizations.events import AffiliationMoved
from app.services.notifications import emails


@job(AffiliationMoved, queue=Queue.OUTBOUND)
async def email_affiliation(job: Job[AffiliationMoved]) -> None:
    await emails.affiliation(job.event)


JOBS: list[JobType[Any]] = [email_affiliation]
