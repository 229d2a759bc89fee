from typing import Any

from app.core.jobs import Job, JobType, Queue, job
from app.models.privacy.events import ExportRequested
from app.services.privacy import exports

ATTEMPTS = 5


@job(ExportRequested, queue=Queue.SLOW, attempts=ATTEMPTS, timeout=3600)
async def make_export(job: Job[ExportRequested]) -> None:
    try:
        await exports.make(job.event.export)
    except Exception:
        if job.attempt == ATTEMPTS:
            await exports.give_up(job.event.export)
        raise


JOBS: list[JobType[Any]] = [make_export]
