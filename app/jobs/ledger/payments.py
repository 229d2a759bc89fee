"""What happens to payments moves what they have brought, in the step that ends the job: once, however often it runs."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from app.core import changes
from app.core.changes import Event
from app.core.jobs import Job, JobType, job
from app.core.ledger.turns import turn
from app.models.billing.payment_events import (
    DisputeClosed,
    PaymentDisputed,
    PaymentRefunded,
    PaymentSucceeded,
    PayoutFailed,
    PayoutSettled,
    RefundFailed,
)
from app.services.ledger import applying, payouts

E = TypeVar("E", bound=Event)


async def _once(job: Job[E], apply: Callable[[E], Awaitable[None]]) -> None:
    @changes.atomic
    async def applied() -> None:
        await apply(job.event)
        await job.finish()

    async with turn(job.event.actor.organization_id):
        await applied()


@job(PaymentSucceeded)
async def move_payment(job: Job[PaymentSucceeded]) -> None:
    await _once(job, applying.succeeded)


@job(PaymentRefunded)
async def move_refund(job: Job[PaymentRefunded]) -> None:
    await _once(job, applying.refunded)


@job(RefundFailed)
async def move_failed_refund(job: Job[RefundFailed]) -> None:
    await _once(job, applying.refund_failed)


@job(PaymentDisputed)
async def move_dispute(job: Job[PaymentDisputed]) -> None:
    await _once(job, applying.disputed)


@job(DisputeClosed)
async def move_dispute_end(job: Job[DisputeClosed]) -> None:
    await _once(job, applying.dispute_closed)


@job(PayoutSettled)
async def settle_payout(job: Job[PayoutSettled]) -> None:
    await _once(job, payouts.settled)


@job(PayoutFailed)
async def fail_payout(job: Job[PayoutFailed]) -> None:
    await _once(job, payouts.failed)


JOBS: list[JobType[Any]] = [
    move_payment,
    move_refund,
    move_failed_refund,
    move_dispute,
    move_dispute_end,
    settle_payout,
    fail_payout,
]
