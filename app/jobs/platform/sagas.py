from collections.abc import Mapping
from typing import Any

import structlog
from bson import ObjectId

from app.core import sagas
from app.core.jobs import Backoff, Job, JobType, Tick, job, queue, schedule
from app.core.sagas import Conductor, SagaMoved
from app.core.sagas.declaration import LONGEST
from app.services.organizations import deletion
from app.services.privacy import erasure

BATCH = 1_000

_conductor = Conductor(deletion.DELETION, erasure.ERASURE)
_log = structlog.stdlib.get_logger(__name__)


def _key(saga: ObjectId, turn: int) -> str:
    return f"{saga}:{turn}"


# The attempts of a step are the saga's; these are for a database that cannot be written to.
@job(
    SagaMoved,
    key=lambda moved: _key(moved.saga, moved.turn),
    due=lambda moved: moved.due,
    attempts=100,
    timeout=LONGEST + 30,
    backoff=Backoff(longest=60.0),
)
async def take_saga_step(job: Job[SagaMoved]) -> None:
    await _conductor.take(job.event)


@schedule("* * * * *")
async def recover_sagas(job: Job[Tick]) -> Mapping[str, Any]:
    """Give sagas whose job was cancelled, dropped or lost a new one: else they would stand still for ever."""
    overdue = {queue.id_of(take_saga_step.type, _key(saga.id, saga.turn)): saga for saga in await sagas.overdue(BATCH)}
    for id in await queue.unfinished(overdue):  # it will still be done; where many are late, a new turn is only later
        del overdue[id]
    recovered = [saga for saga in overdue.values() if await sagas.recover(saga)]
    for saga in recovered:
        _log.warning("saga_recovered", saga=str(saga.id), kind=saga.kind, step=saga.step)
    return {"recovered": len(recovered)}


JOBS: list[JobType[Any]] = [take_saga_step, recover_sagas]
