from typing import Any

from app.core.jobs import Job, JobType, Priority, Queue, job
from app.models.notifications.events import BulkDeliveryAsked, DeliveryAsked, DeliveryEvent, UrgentDeliveryAsked
from app.services.notifications import deliveries
from app.services.notifications.deliveries import ATTEMPTS


@job(UrgentDeliveryAsked, due=lambda event: event.due, queue=Queue.OUTBOUND, priority=Priority.HIGH, attempts=ATTEMPTS)
async def deliver_urgently(job: Job[UrgentDeliveryAsked]) -> None:
    await _deliver(job)


@job(DeliveryAsked, due=lambda event: event.due, queue=Queue.OUTBOUND, attempts=ATTEMPTS)
async def deliver(job: Job[DeliveryAsked]) -> None:
    await _deliver(job)


@job(BulkDeliveryAsked, due=lambda event: event.due, queue=Queue.OUTBOUND, priority=Priority.LOW, attempts=ATTEMPTS)
async def deliver_in_bulk(job: Job[BulkDeliveryAsked]) -> None:
    await _deliver(job)


async def _deliver(job: Job[Any]) -> None:
    event: DeliveryEvent = job.event
    await deliveries.send(event, job.id, last=job.attempt >= ATTEMPTS)


JOBS: list[JobType[Any]] = [deliver_urgently, deliver, deliver_in_bulk]
