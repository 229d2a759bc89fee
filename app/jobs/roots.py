"""The worker's work: every domain's jobs, the loops that do them, and what arq calls.

MongoDB holds the jobs. Redis carries no more than a hint that there is something to do, so its absence costs a second.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import orjson
from arq import ArqRedis, func
from arq.cron import CronJob
from arq.worker import Function

from app.core import signals
from app.core.changes import Consumer
from app.core.jobs import JobType, Runner, accepting
from app.jobs.identity import accounts
from app.jobs.messaging import absences, conversations
from app.jobs.organizations import invitations
from app.jobs.platform import log
from app.services.messaging import activity
from app.services.notifications import telling

JOBS: Sequence[JobType[Any]] = [*accounts.JOBS, *invitations.JOBS, *absences.JOBS, *conversations.JOBS]
CRONS: Sequence[CronJob] = [*invitations.CRONS, *log.CRONS]

_runner = Runner(JOBS)


async def wake(ctx: dict[Any, Any]) -> None:
    """Let this process's runner look at the queue now."""
    _runner.look()


async def announce() -> None:
    """Wake a worker. One such hint at a time is in Redis; what it misses is found by the runners' poll."""
    await signals.attempt(
        lambda redis: ArqRedis(redis.connection_pool, job_serializer=orjson.dumps).enqueue_job("wake", _job_id="wake")
    )


FUNCTIONS: Sequence[Function] = [func(wake, name="wake", keep_result=0, timeout=5, max_tries=1)]

LOOPS: Mapping[str, Callable[[], Awaitable[None]]] = {
    "job runner": _runner.run,
    "job consumer": Consumer("jobs", accepting(JOBS, announce)).run,
    "activity": Consumer("activity", activity.follow).run,
    "notifications": Consumer("notifications", telling.follow).run,
}
