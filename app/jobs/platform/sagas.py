from typing import Any

from app.core.jobs import Backoff, Job, JobType, job
from app.core.sagas import Conductor, SagaMoved
from app.core.sagas.declaration import LONGEST
from app.services.organizations import deletion

_conductor = Conductor(deletion.DELETION)


# The attempts of a step are the saga's. These are for sagas of a newer release, until a worker of that release comes.
@job(
    SagaMoved,
    key=lambda moved: f"{moved.saga}:{moved.turn}",
    due=lambda moved: moved.due,
    attempts=1_000,
    timeout=LONGEST + 30,
    backoff=Backoff(longest=60.0),
)
async def take_saga_step(job: Job[SagaMoved]) -> None:
    await _conductor.take(job.event)


JOBS: list[JobType[Any]] = [take_saga_step]
