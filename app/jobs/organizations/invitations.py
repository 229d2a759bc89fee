from typing import Any

from arq import cron

from app.core.jobs import Job, JobType, job
from app.models.organizations.events import MemberInvited
from app.services.notifications import emails
from app.services.notifications.emails import ATTEMPTS
from app.services.organizations import invitations

BATCH = 100


@job(MemberInvited, attempts=ATTEMPTS)
async def email_invitation(job: Job[MemberInvited]) -> None:
    await emails.invitation(job.event, job.id)


async def expire_invitations(ctx: dict[Any, Any]) -> None:
    """A tick that is missed or comes twice does no harm: the next one finds what is overdue."""
    for invitation in await invitations.overdue(BATCH):
        await invitations.expire(invitation.organization_id, invitation.id)


JOBS: list[JobType[Any]] = [email_invitation]
CRONS = [cron(expire_invitations, second=0)]
