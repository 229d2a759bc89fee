"""The worker's work: every domain's jobs, and the loops that do them."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

from app.core.changes import Consumer
from app.core.jobs import Acceptance, JobType, Queue, Runner, Timekeeper, newcomers
from app.core.settings import settings
from app.jobs import hints
from app.jobs.audit import trail as audit
from app.jobs.billing import collection, invoice_pdfs, metering, payments
from app.jobs.billing import notices as billing_notices
from app.jobs.billing import subscriptions as billing_subscriptions
from app.jobs.identity import accounts, sessions, signing_keys
from app.jobs.ledger import earnings, escrows, payouts
from app.jobs.ledger import payments as applying
from app.jobs.ledger import verification as books
from app.jobs.live import reminders
from app.jobs.media import files
from app.jobs.messaging import absences, conversations
from app.jobs.notifications import campaigns, deliveries, nudges
from app.jobs.organizations import affiliations, deletion, invitations, ownership, ties
from app.jobs.platform import backups, log, operations, sagas
from app.jobs.privacy import exports
from app.jobs.webhooks import endpoints as webhooks
from app.services.audit import trail
from app.services.messaging import activity
from app.services.notifications import telling
from app.services.platform import relay
from app.services.webhooks import waking

PROMPT = 0.002
"""Seconds for which what causes jobs is gathered: somebody may be waiting for one."""

JOBS: Sequence[JobType[Any]] = [
    *accounts.JOBS,
    *sessions.JOBS,
    *signing_keys.JOBS,
    *ties.JOBS,
    *affiliations.JOBS,
    *invitations.JOBS,
    *deletion.JOBS,
    *ownership.JOBS,
    *absences.JOBS,
    *conversations.JOBS,
    *deliveries.JOBS,
    *campaigns.JOBS,
    *files.JOBS,
    *nudges.JOBS,
    *payments.JOBS,
    *reminders.JOBS,
    *billing_subscriptions.JOBS,
    *billing_notices.JOBS,
    *collection.JOBS,
    *books.JOBS,
    *escrows.JOBS,
    *earnings.JOBS,
    *metering.JOBS,
    *invoice_pdfs.JOBS,
    *payouts.JOBS,
    *applying.JOBS,
    *log.JOBS,
    *audit.JOBS,
    *exports.JOBS,
    *backups.JOBS,
    *operations.JOBS,
    *sagas.JOBS,
    *webhooks.JOBS,
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
        "job consumer": Consumer(newcomers.READER, acceptance.accept, begin=acceptance.begin, gather=PROMPT).run,
        "unread events": acceptance.sweep,
        "timekeeper": Timekeeper(types, announce).run,
        "audit": Consumer(trail.CONSUMER, trail.follow).run,
        "activity": Consumer("activity", activity.follow).run,
        "notifications": Consumer("notifications", telling.follow).run,
        "webhooks": Consumer(waking.CONSUMER, waking.follow, gather=PROMPT).run,
        **({"relay": relay.run} if settings().relay_url else {}),
        **{f"{queue.value} jobs": runner.run for queue, runner in runners.items()},
    }
