from collections.abc import Mapping
from typing import Any

from app.core.jobs import Job, JobType, Queue, Tick, job, schedule
from app.models.media.events import FileStored
from app.models.organizations.events import OrganizationDeleted
from app.models.privacy.events import PersonErased
from app.services.media import files

BATCH = 500


@job(FileStored, queue=Queue.OUTBOUND, attempts=20, timeout=300)
async def look_at_file(job: Job[FileStored]) -> None:
    await files.look_at(job.event)


@job(PersonErased, queue=Queue.OUTBOUND, attempts=20, timeout=600)
async def remove_files_of_person(job: Job[PersonErased]) -> None:
    await files.remove_of_person(job.event.user)


@job(OrganizationDeleted, queue=Queue.OUTBOUND, attempts=20, timeout=600)
async def remove_files_of_organization(job: Job[OrganizationDeleted]) -> None:
    await files.remove_of(job.event.organization)


@schedule("*/10 * * * *", queue=Queue.OUTBOUND, timeout=300)
async def remove_unused_files(job: Job[Tick]) -> Mapping[str, Any]:
    """Remove files that no message carries, a day after anything happened to them."""
    return {"removed": await files.remove_unused(BATCH)}


JOBS: list[JobType[Any]] = [look_at_file, remove_files_of_person, remove_files_of_organization, remove_unused_files]
