from typing import Any

from app.core.clock import time_of
from app.core.jobs import Job, JobType, Queue, job
from app.models.identity.events import (
    EmailChangeAsked,
    EmailVerificationAsked,
    PasswordChanged,
    PasswordResetAsked,
    RegistrationRepeated,
    SecondFactorsReset,
    TextAsked,
    UserRegistered,
)
from app.services.identity import phones
from app.services.notifications import emails

TEXT_ATTEMPTS = 5
"""How often to try to send a code, which is good for ten minutes."""


@job(UserRegistered, queue=Queue.OUTBOUND)
async def email_welcome(job: Job[UserRegistered]) -> None:
    await emails.welcome(job.event)


def _once_a_day(event: RegistrationRepeated) -> str:
    """However often a stranger tries, the owner of an address gets one e-mail a day."""
    return f"{event.user}:{time_of(event.id):%Y-%m-%d}"


@job(RegistrationRepeated, key=_once_a_day, queue=Queue.OUTBOUND)
async def email_account_exists(job: Job[RegistrationRepeated]) -> None:
    await emails.account_exists(job.event)


@job(EmailVerificationAsked, queue=Queue.OUTBOUND)
async def email_verification(job: Job[EmailVerificationAsked]) -> None:
    await emails.verification(job.event)


@job(EmailChangeAsked, queue=Queue.OUTBOUND)
async def email_new_address(job: Job[EmailChangeAsked]) -> None:
    await emails.email_change(job.event, new=True)


@job(EmailChangeAsked, queue=Queue.OUTBOUND)
async def email_old_address(job: Job[EmailChangeAsked]) -> None:
    await emails.email_change(job.event, new=False)


@job(PasswordResetAsked, queue=Queue.OUTBOUND)
async def email_password_reset(job: Job[PasswordResetAsked]) -> None:
    await emails.password_reset(job.event)


@job(PasswordChanged, queue=Queue.OUTBOUND)
async def email_password_changed(job: Job[PasswordChanged]) -> None:
    await emails.password_changed(job.event)


@job(SecondFactorsReset, queue=Queue.OUTBOUND)
async def email_factors_reset(job: Job[SecondFactorsReset]) -> None:
    await emails.factors_reset(job.event)


@job(TextAsked, queue=Queue.OUTBOUND, attempts=TEXT_ATTEMPTS)
async def text_code(job: Job[TextAsked]) -> None:
    await phones.deliver(job.event)


JOBS: list[JobType[Any]] = [
    email_welcome,
    email_account_exists,
    email_verification,
    email_new_address,
    email_old_address,
    email_password_reset,
    email_password_changed,
    email_factors_reset,
    text_code,
]
