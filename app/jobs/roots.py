"""The worker's work: every domain's jobs, and the loops that do them."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

from app.core.changes import Consumer
from app.core.jobs import Acceptance, JobType, Queue, Runner, Timekeeper
from app.core.settings import settings
from app.jobs import hints
from app.jobs.identity import accounts
from app.jobs.messaging import absences, conversations
from app.jobs.organizations import deletion, invitations
from app.jobs.platform import backups, log, sagas
from app.services.messaging import activity
from app.services.notifications import telling
from app.services.platform import relay

PROMPT = 0.002
"""Seconds for which what causes jobs is gathered: somebody may be waiting for one."""

JOBS: Sequence[JobType[Any]] = [
    *accounts.JOBS,
    *invitations.JOBS,
    *deletion.JOBS,
    *absences.JOBS,
    *conversations.JOBS,
    *log.JOBS,
    *backups.JOBS,
    *sagas.JOBS,
]


def loops(
    queues: Iterable[Queue] = tuple(Queue), types: Sequence[JobType[Any]] = JOBS
) -> Mapping[str, Callable[[], Awaitable[None]]]:
    """What runs for ever in a worker that knows these types of jobs and does those of these queues."""
    runners = {queue: Runner(types, queue) for queue in queues}

    async def announce(names: Iterable[str]) -> None:
        """Let runners of this process look at once, and those of others by a hint."""
        ready = [Queue(name) for name in names]
        for queue in runners.keys() & ready:
            runners[queue].look()
        await hints.announce(ready)

    acceptance = Acceptance(types, announce)
    hints.LOOKS.update({queue: runner.look for queue, runner in runners.items()})
    return {
        "job consumer": Consumer("jobs", acceptance.accept, gather=PROMPT).run,
        "unread events": acceptance.sweep,
        "timekeeper": Timekeeper(types, announce).run,
        "activity": Consumer("activity", activity.follow).run,
        "notifications": Consumer("notifications", telling.follow).run,
        **({"relay": relay.run} if settings().relay_url else {}),
        **{f"{queue.value} jobs": runner.run for queue, runner in runners.items()},
    }
