from typing import Any

from app.core.jobs import Job, JobType, job
from app.models import MembershipState
from app.models.organizations.events import MembershipChanged
from app.services.messaging import conversations


@job(MembershipChanged)
async def leave_groups(job: Job[MembershipChanged]) -> None:
    organization_id = job.event.actor.organization_id
    if job.event.state == MembershipState.LEFT and organization_id:
        await conversations.leave_groups(organization_id, job.event.user)


JOBS: list[JobType[Any]] = [leave_groups]
