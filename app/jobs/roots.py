"""The worker's work: every domain's jobs, the loops that do them, and the hints between processes, which arq carries.

MongoDB holds the jobs. Redis carries no more than a hint that there is something to do, so its absence costs a moment.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

import orjson
from arq import ArqRedis, func
from arq.worker import Function

from app.core import signals
from app.core.changes import Consumer
from app.core.jobs import Acceptance, JobType, Queue, Runner, Timekeeper
from app.core.settings import settings
from app.jobs.identity import accounts
from app.jobs.messaging import absences, conversations
from app.jobs.organizations import deletion, invitations
from app.jobs.platform import log, sagas
from app.services.messaging import activity
from app.services.notifications import telling
from app.services.platform import relay

JOBS: Sequence[JobType[Any]] = [
    *accounts.JOBS,
    *invitations.JOBS,
    *deletion.JOBS,
    *absences.JOBS,
    *conversations.JOBS,
    *log.JOBS,
    *sagas.JOBS,
]

_runners: dict[Queue, Runner] = {}


async def wake(ctx: dict[Any, Any], queue: str) -> None:
    """Let this process's runner of a queue look now."""
    _runners[Queue(queue)].look()


async def announce(queues: Iterable[str]) -> None:
    """Wake a worker of each queue. One hint at a time is in Redis; what it misses is found by the runners' poll."""

    async def enqueue(redis: Any) -> None:
        arq = ArqRedis(redis.connection_pool, job_serializer=orjson.dumps)
        for queue in queues:
            await arq.enqueue_job("wake", queue, _job_id=f"wake:{queue}", _queue_name=arq_queue(Queue(queue)))

    await signals.attempt(enqueue)


def arq_queue(queue: Queue) -> str:
    """The name of arq's queue of hints for runners of a queue."""
    return f"arq:queue:{queue.value}"


FUNCTIONS: Sequence[Function] = [func(wake, name="wake", keep_result=0, timeout=5, max_tries=1)]


def loops(
    queues: Iterable[Queue] = tuple(Queue), types: Sequence[JobType[Any]] = JOBS
) -> Mapping[str, Callable[[], Awaitable[None]]]:
    """What runs for ever in a worker that knows these types of jobs and does those of these queues."""
    acceptance, runners = Acceptance(types, announce), {queue: Runner(types, queue) for queue in queues}
    _runners.update(runners)
    return {
        "job consumer": Consumer("jobs", acceptance.accept).run,
        "unread events": acceptance.sweep,
        "timekeeper": Timekeeper(types, announce).run,
        "activity": Consumer("activity", activity.follow).run,
        "notifications": Consumer("notifications", telling.follow).run,
        **({"relay": relay.run} if settings().relay_url else {}),
        **{f"{queue.value} jobs": runner.run for queue, runner in runners.items()},
    }
