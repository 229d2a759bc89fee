from typing import Any

from app.core.jobs import Job, JobType, Queue, job
from app.models.billing.events import CreditNoteIssued, InvoiceIssued
from app.models.organizations.events import OrganizationDeleted
from app.services.billing.invoicing import invoice_pdfs, invoice_showing


@job(InvoiceIssued, queue=Queue.SLOW, timeout=120)
async def make_invoice_pdf(job: Job[InvoiceIssued]) -> None:
    await invoice_showing.make_pdf(job.event.invoice)


@job(CreditNoteIssued, queue=Queue.SLOW, timeout=120)
async def make_credit_note_pdf(job: Job[CreditNoteIssued]) -> None:
    await invoice_showing.make_note_pdf(job.event.note)


@job(OrganizationDeleted, queue=Queue.OUTBOUND, attempts=20, timeout=600)
async def remove_invoice_pdfs(job: Job[OrganizationDeleted]) -> None:
    await invoice_pdfs.remove_of(job.event.organization)


JOBS: list[JobType[Any]] = [make_invoice_pdf, make_credit_note_pdf, remove_invoice_pdfs]
