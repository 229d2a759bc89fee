from collections.abc import Mapping
from typing import Any

from app.core.actor import Actor
from app.core.jobs import Job, JobType, Tick, schedule
from app.services.identity import signing_keys


@schedule("41 4 * * *")
async def rotate_signing_keys(job: Job[Tick]) -> Mapping[str, Any]:
    return {"rotated": await signing_keys.rotate_when_due(Actor.platform())}


JOBS: list[JobType[Any]] = [rotate_signing_keys]
