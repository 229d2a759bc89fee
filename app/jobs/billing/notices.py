"""Telling customers what becomes of their subscriptions and invoices."""

from typing import Any

from app.core.jobs import Job, JobType, job
from app.models.billing.events import CollectionFailed, InvoiceIssued, InvoicePaid, SubscriptionEnding
from app.services.billing.collecting import notices


@job(InvoiceIssued)
async def email_invoice(job: Job[InvoiceIssued]) -> None:
    await notices.issued(job.event)


@job(InvoicePaid)
async def email_renewal(job: Job[InvoicePaid]) -> None:
    await notices.renewed(job.event)


@job(CollectionFailed)
async def email_failed_payment(job: Job[CollectionFailed]) -> None:
    await notices.failed(job.event)


@job(SubscriptionEnding)
async def email_ending(job: Job[SubscriptionEnding]) -> None:
    await notices.ending(job.event)


JOBS: list[JobType[Any]] = [email_invoice, email_renewal, email_failed_payment, email_ending]
