from typing import Any

from app.core.jobs import Backoff, Job, JobType, job
from app.models.platform.events import OperationsForgotten
from app.services.platform import operations


@job(OperationsForgotten, attempts=100, backoff=Backoff(longest=60.0))
async def drop_operation_copies(job: Job[OperationsForgotten]) -> None:
    await operations.drop_copies(job.event.names)


JOBS: list[JobType[Any]] = [drop_operation_copies]
