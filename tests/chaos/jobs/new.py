"""What servers and workers of the next release know (R9): another shape of an event, an event that is new, and a new
job on an event that the last release knows as well.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from bson import ObjectId

from app.core import changes
from app.core.actor import Actor
from app.core.changes import Event
from app.core.jobs import Job, JobType, job
from tests.chaos.jobs import shop
from tests.chaos.jobs.effects import keep, note


@dataclass(frozen=True, kw_only=True)
class ChaosShipped(Event):
    schema_version: ClassVar[int] = 2
    order: str
    parcels: int


@dataclass(frozen=True, kw_only=True)
class ChaosReturned(Event):
    order: str


@changes.atomic
async def ship_and_return(order: str) -> None:
    """What only a server of the new release can do."""
    actor = Actor(shop.ORGANIZATIONS[0], ObjectId())
    await changes.insert(shop.Order(id=f"shipped {order}"))
    changes.emit(ChaosShipped(actor, order=order, parcels=2), ChaosReturned(actor, order=order))
    changes.emit(shop.ChaosOrdered(actor, order=order, seconds=0))


@job(ChaosShipped)
async def ship(job: Job[ChaosShipped]) -> None:
    assert job.event.parcels
    await note(job, f"ship {job.event.order}")
    await keep(job, f"ship {job.event.order}")


@job(ChaosReturned)
async def take_back(job: Job[ChaosReturned]) -> None:
    await note(job, f"back {job.event.order}")
    await keep(job, f"back {job.event.order}")


@job(shop.ChaosOrdered)
async def thank(job: Job[shop.ChaosOrdered]) -> None:
    await note(job, f"thank {job.event.order}")
    await keep(job, f"thank {job.event.order}")


JOBS: list[JobType[Any]] = [ship, take_back, thank]
