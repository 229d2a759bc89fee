"""What the clock does to subscriptions and invoices, and what payments do to them."""

from collections.abc import Mapping
from typing import Any

from app.core.jobs import Job, JobType, Tick, schedule
from app.services.billing.collecting import dunning
from app.services.billing.invoicing import invoices
from app.services.billing.subscribing import expiry


@schedule("* * * * *", timeout=300)
async def renew_subscriptions(job: Job[Tick]) -> Mapping[str, Any]:
    return {"moved": await expiry.run(job.event.at)}


@schedule("* * * * *", timeout=300)
async def issue_invoices(job: Job[Tick]) -> Mapping[str, Any]:
    return {"issued": await invoices.issue_due(job.event.at)}


@schedule("* * * * *", timeout=300)
async def collect_invoices(job: Job[Tick]) -> Mapping[str, Any]:
    return {"looked_at": await dunning.run(job.event.at)}


JOBS: list[JobType[Any]] = [renew_subscriptions, issue_invoices, collect_invoices]
