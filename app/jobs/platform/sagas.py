from typing import Any

from app.core.jobs import Backoff, Job, JobType, job
from app.core.sagas import Conductor, SagaMoved
from app.core.sagas.declaration import LONGEST
from app.services.organizations import deletion

_conductor = Conductor(deletion.DELETION)


# The attempts of a step are the saga's; these are for a database that cannot be written to.
@job(
    SagaMoved,
    key=lambda moved: f"{moved.saga}:{moved.turn}",
    due=lambda moved: moved.due,
    attempts=100,
    timeout=LONGEST + 30,
    backoff=Backoff(longest=60.0),
)
async def take_saga_step(job: Job[SagaMoved]) -> None:
    await _conductor.take(job.event)


JOBS: list[JobType[Any]] = [take_saga_step]
