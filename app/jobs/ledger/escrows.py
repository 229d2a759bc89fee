from collections.abc import Mapping
from typing import Any

from app.core.jobs import Job, JobType, Tick, schedule
from app.services.ledger import escrows


@schedule("* * * * *", timeout=300)
async def release_escrows(job: Job[Tick]) -> Mapping[str, Any]:
    """Release what was submitted and nobody has answered to."""
    return {"escrows": await escrows.release_due(job.event.at)}


JOBS: list[JobType[Any]] = [release_escrows]
