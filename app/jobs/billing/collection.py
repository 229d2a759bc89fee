"""Collecting invoices, and hearing what becomes of payments for them."""

from typing import Any

from app.core.jobs import Job, JobType, job
from app.models.billing.events import CollectionDue, InvoicePaid, InvoiceVoided
from app.models.billing.payment_events import (
    DisputeClosed,
    PaymentFailed,
    PaymentMoved,
    PaymentRefunded,
    PaymentSucceeded,
    RefundFailed,
)
from app.services.billing.collecting import collection, invoice_payments, waiting


@job(CollectionDue)
async def collect_invoice(job: Job[CollectionDue]) -> None:
    await invoice_payments.charge(job.event)


@job(PaymentSucceeded)
async def apply_payment(job: Job[PaymentSucceeded]) -> None:
    await collection.succeeded(job.event)


@job(PaymentFailed)
async def count_failed_payment(job: Job[PaymentFailed]) -> None:
    await collection.failed(job.event)


@job(PaymentMoved)
async def count_waiting_payment(job: Job[PaymentMoved]) -> None:
    await collection.moved(job.event)


@job(InvoicePaid)
async def close_what_waits(job: Job[InvoicePaid]) -> None:
    await waiting.closed(job.event)


@job(InvoiceVoided)
async def close_what_waits_for_nothing(job: Job[InvoiceVoided]) -> None:
    await waiting.closed(job.event)


@job(PaymentRefunded)
async def apply_refund(job: Job[PaymentRefunded]) -> None:
    await collection.refunded(job.event)


@job(RefundFailed)
async def apply_failed_refund(job: Job[RefundFailed]) -> None:
    await collection.refund_failed(job.event)


@job(DisputeClosed)
async def apply_dispute(job: Job[DisputeClosed]) -> None:
    await collection.disputed(job.event)


JOBS: list[JobType[Any]] = [
    collect_invoice,
    apply_payment,
    count_failed_payment,
    count_waiting_payment,
    close_what_waits,
    close_what_waits_for_nothing,
    apply_refund,
    apply_failed_refund,
    apply_dispute,
]
