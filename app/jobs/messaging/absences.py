from typing import Any

from app.core.jobs import Job, JobType, Queue, job
from app.models.messaging.events import MessageSent, ParticipantNoted
from app.services.messaging import absences
from app.services.notifications import emails
from app.services.notifications.emails import ATTEMPTS


@job(MessageSent, key=absences.window_key, due=absences.told_at)
async def note_absent(job: Job[MessageSent]) -> None:
    await absences.note(job.event)


@job(ParticipantNoted, queue=Queue.OUTBOUND, attempts=ATTEMPTS)
async def email_absent(job: Job[ParticipantNoted]) -> None:
    await emails.absence(job.event, job.id)


JOBS: list[JobType[Any]] = [note_absent, email_absent]
