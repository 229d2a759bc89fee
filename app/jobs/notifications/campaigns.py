from typing import Any

from app.core.jobs import Job, JobType, job
from app.models.notifications.events import CampaignBatchDue
from app.services.notifications import campaign_batches


@job(CampaignBatchDue, due=lambda event: event.due, attempts=20)
async def advance_campaign(job: Job[CampaignBatchDue]) -> None:
    await campaign_batches.advance(job.event)


JOBS: list[JobType[Any]] = [advance_campaign]
