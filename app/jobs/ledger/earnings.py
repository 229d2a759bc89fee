from collections.abc import Mapping
from typing import Any

from app.core.jobs import Job, JobType, Queue, Tick, schedule
from app.services.ledger import commissions, earnings


@schedule("5 * * * *", queue=Queue.SLOW, timeout=3_600)
async def compute_earnings(job: Job[Tick]) -> Mapping[str, Any]:
    """Compute the last month wherever a new one has begun."""
    return {"earnings": await earnings.compute_due(job.event.at)}


@schedule("*/10 * * * *", timeout=600)
async def release_earnings(job: Job[Tick]) -> Mapping[str, Any]:
    """Let people have what they have waited long enough for."""
    moment = job.event.at
    return {"earnings": await earnings.release_due(moment), "commissions": await commissions.release_due(moment)}


JOBS: list[JobType[Any]] = [compute_earnings, release_earnings]
