from typing import Any

from app.core.clock import time_of
from app.core.jobs import Job, JobType, Queue, job
from app.models.identity.events import RegistrationRepeated, UserRegistered
from app.services.notifications import emails
from app.services.notifications.emails import ATTEMPTS


@job(UserRegistered, queue=Queue.OUTBOUND, attempts=ATTEMPTS)
async def email_welcome(job: Job[UserRegistered]) -> None:
    await emails.welcome(job.event, job.id)


def _once_a_day(event: RegistrationRepeated) -> str:
    """However often a stranger tries, the owner of an address gets one e-mail a day."""
    return f"{event.user}:{time_of(event.id):%Y-%m-%d}"


@job(RegistrationRepeated, key=_once_a_day, queue=Queue.OUTBOUND, attempts=ATTEMPTS)
async def email_account_exists(job: Job[RegistrationRepeated]) -> None:
    await emails.account_exists(job.event, job.id)


JOBS: list[JobType[Any]] = [email_welcome, email_account_exists]
