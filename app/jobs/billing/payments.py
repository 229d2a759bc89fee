from typing import Any

from app.core.actor import Actor
from app.core.jobs import Backoff, Job, JobType, Priority, Queue, Tick, job, schedule
from app.models.billing.payment_events import (
    ChargeAsked,
    PaymentCancelAsked,
    PaymentFailed,
    PaymentMethodRemovalAsked,
    PayOutAsked,
    ProviderEventReceived,
    RefundAsked,
)
from app.services.billing.collecting import charging, reconciliation
from app.services.billing.paying import checkouts, payment_methods, provider_events, refunds, remittances

ATTEMPTS = 20
PATIENT = Backoff(2, 600)
TIMEOUT = 90
"""Seconds: a provider is asked a few times in a row, and takes its time for each."""


@job(ChargeAsked, queue=Queue.OUTBOUND, attempts=ATTEMPTS, timeout=TIMEOUT, backoff=PATIENT)
async def charge_customer(job: Job[ChargeAsked]) -> None:
    await charging.charge(job.event, job.attempt)


@job(PaymentFailed, queue=Queue.OUTBOUND, attempts=ATTEMPTS, timeout=TIMEOUT, backoff=PATIENT)
async def close_failed_charge(job: Job[PaymentFailed]) -> None:
    await charging.close(job.event)


@job(PaymentCancelAsked, queue=Queue.OUTBOUND, attempts=ATTEMPTS, timeout=TIMEOUT, backoff=PATIENT)
async def close_payment(job: Job[PaymentCancelAsked]) -> None:
    await checkouts.close(Actor.platform(job.event.actor.organization_id), job.event.payment)


@job(RefundAsked, queue=Queue.OUTBOUND, attempts=ATTEMPTS, timeout=TIMEOUT, backoff=PATIENT)
async def send_refund(job: Job[RefundAsked]) -> None:
    await refunds.send(job.event, job.attempt)


@job(PayOutAsked, queue=Queue.OUTBOUND, attempts=ATTEMPTS, timeout=TIMEOUT, backoff=PATIENT)
async def send_money(job: Job[PayOutAsked]) -> None:
    await remittances.send(job.event)


@job(PaymentMethodRemovalAsked, queue=Queue.OUTBOUND, attempts=ATTEMPTS, backoff=PATIENT)
async def forget_payment_method(job: Job[PaymentMethodRemovalAsked]) -> None:
    await payment_methods.forget(job.event)


@job(
    ProviderEventReceived,
    queue=Queue.OUTBOUND,
    priority=Priority.HIGH,
    attempts=ATTEMPTS,
    timeout=TIMEOUT,
    backoff=PATIENT,
)
async def look_at_provider_event(job: Job[ProviderEventReceived]) -> None:
    await provider_events.handle(job.event)


@schedule("17 * * * *", queue=Queue.OUTBOUND, timeout=1800)
async def reconcile_payments(job: Job[Tick]) -> dict[str, Any]:
    """Compare with every provider that is set up."""
    return {name: dict(found) for name, found in (await reconciliation.reconcile_all()).items()}


JOBS: list[JobType[Any]] = [
    charge_customer,
    close_failed_charge,
    close_payment,
    send_refund,
    send_money,
    forget_payment_method,
    look_at_provider_event,
    reconcile_payments,
]
