from typing import Any

from app.core.actor import Actor
from app.core.jobs import Backoff, Job, JobType, Queue, job
from app.models.webhooks.events import (
    WebhookAsleep,
    WebhookEndpointRemoved,
    WebhookReplayAsked,
    WebhookTroubled,
    WebhookWoken,
)
from app.services.notifications import emails
from app.services.webhooks import deliveries, endpoints, sending, waking

TIMEOUT = 60.0
"""Seconds: a run hands over after a third of it, and what is on its way by then takes 15 at most."""


@job(WebhookWoken, queue=Queue.WEBHOOKS, attempts=100, timeout=TIMEOUT, backoff=Backoff(2.0, 300.0))
async def send_webhooks(job: Job[WebhookWoken]) -> None:
    await sending.begin(job.event)


@job(WebhookAsleep, due=lambda event: event.until)
async def wake_webhooks(job: Job[WebhookAsleep]) -> None:
    await waking.wake_now(Actor.platform(job.event.actor.organization_id), job.event.endpoint)


@job(WebhookReplayAsked)
async def replay_webhooks(job: Job[WebhookReplayAsked]) -> None:
    await deliveries.replay_all(job.event)


@job(WebhookEndpointRemoved)
async def forget_webhooks(job: Job[WebhookEndpointRemoved]) -> None:
    await endpoints.forget_deliveries(job.event)


@job(WebhookTroubled)
async def email_of_webhooks(job: Job[WebhookTroubled]) -> None:
    await emails.webhook_trouble(job.event)


JOBS: list[JobType[Any]] = [
    send_webhooks,
    wake_webhooks,
    replay_webhooks,
    forget_webhooks,
    email_of_webhooks,
]
