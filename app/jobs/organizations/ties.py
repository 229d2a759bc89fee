from typing import Any

from app.core.jobs import Job, JobType, job
from app.models import MembershipState
from app.models.organizations.events import MembershipChanged
from app.services.organizations import ties


@job(MembershipChanged)
async def forget_ties(job: Job[MembershipChanged]) -> None:
    organization_id = job.event.actor.organization_id
    if job.event.state == MembershipState.LEFT and organization_id:
        await ties.forget(organization_id, job.event.user)


JOBS: list[JobType[Any]] = [forget_ties]
