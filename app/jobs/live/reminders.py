from collections.abc import Mapping
from typing import Any

from app.core.jobs import Job, JobType, Tick, schedule
from app.services.live import calendar_events


@schedule("* * * * *")
async def remind(job: Job[Tick]) -> Mapping[str, Any]:
    return {"moments": await calendar_events.remind(job.event.at)}


JOBS: list[JobType[Any]] = [remind]
