from collections.abc import Mapping
from typing import Any

from app.core.jobs import Job, JobType, Tick, schedule
from app.services.organizations import ownership

BATCH = 100


@schedule("* * * * *")
async def expire_ownership_offers(job: Job[Tick]) -> Mapping[str, Any]:
    overdue = await ownership.overdue(BATCH)
    for offer in overdue:
        await ownership.expire(offer.organization_id, offer.id)
    return {"expired": len(overdue)}


JOBS: list[JobType[Any]] = [expire_ownership_offers]
