from collections.abc import Mapping
from typing import Any

from app.core.jobs import Job, JobType, Queue, Tick, job, schedule
from app.models.organizations.events import MemberInvited
from app.services.notifications import emails
from app.services.organizations import invitations

BATCH = 100


@job(MemberInvited, queue=Queue.OUTBOUND)
async def email_invitation(job: Job[MemberInvited]) -> None:
    await emails.invitation(job.event)


@schedule("* * * * *")
async def expire_invitations(job: Job[Tick]) -> Mapping[str, Any]:
    overdue = await invitations.overdue(BATCH)
    for invitation in overdue:
        await invitations.expire(invitation.organization_id, invitation.id)
    return {"expired": len(overdue)}


JOBS: list[JobType[Any]] = [email_invitation, expire_invitations]
