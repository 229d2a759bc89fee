from typing import Any

from app.core.jobs import Job, JobType, Queue, job
from app.models.messaging.events import AbsenceHeld, MessageSent, ParticipantNoted
from app.services.messaging import absences
from app.services.notifications import emails


@job(MessageSent, key=absences.window_key, due=absences.told_at)
async def note_absent(job: Job[MessageSent]) -> None:
    await absences.note(job.event)


@job(ParticipantNoted, queue=Queue.OUTBOUND)
async def email_absent(job: Job[ParticipantNoted]) -> None:
    await emails.absence(job.event)


@job(
    AbsenceHeld,
    key=lambda event: f"{event.conversation}:{event.user}:{event.due}",
    due=lambda event: event.due,
    queue=Queue.OUTBOUND,
)
async def email_held_absence(job: Job[AbsenceHeld]) -> None:
    await emails.absence(job.event)


JOBS: list[JobType[Any]] = [note_absent, email_absent, email_held_absence]
