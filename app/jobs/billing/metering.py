from collections.abc import Mapping
from typing import Any

from app.core.jobs import Job, JobType, Queue, Tick, schedule
from app.services.billing.metering import platform_usage


@schedule("10 0 * * *", queue=Queue.SLOW, timeout=1_800)
async def sample_usage(job: Job[Tick]) -> Mapping[str, Any]:
    """Measure what each organization has of storage and seats."""
    return {"organizations": await platform_usage.sample(job.event.at)}


JOBS: list[JobType[Any]] = [sample_usage]
