"""The business of R1 to R3: orders, written in transactions with a count for each organization, and three jobs of each.

One job ends with its effect, one has its effect elsewhere, one may outlast its lease; and there is one every second.
"""

import asyncio
import random
from dataclasses import dataclass
from typing import Any, ClassVar

from bson import ObjectId

from app.core import changes
from app.core.actor import Actor
from app.core.changes import Event
from app.core.jobs import Backoff, CatchUp, Job, JobType, Queue, Tick, job, schedule
from app.core.rows import Row
from tests.chaos.jobs.effects import keep, note, send

ORGANIZATIONS = [ObjectId(f"{number:024x}") for number in range(1, 6)]
UNLUCKY = 0.05
"""The part of attempts that fail though nothing is wrong."""
SOON = Backoff(first=0.2, longest=5.0)


@dataclass(kw_only=True)
class Order(Row):
    collection: ClassVar[str] = "chaos_orders"
    id: str  # type: ignore[assignment]


@dataclass(kw_only=True)
class Shop(Row):
    collection: ClassVar[str] = "chaos_shops"
    id: ObjectId
    orders: int = 0


@dataclass(frozen=True, kw_only=True)
class ChaosOrdered(Event):
    order: str
    seconds: float
    """How long it takes to bake."""


async def prepare() -> None:
    for organization in ORGANIZATIONS:
        await changes.insert(Shop(id=organization))
    await changes.insert(Order(id="the first"))


@changes.atomic
async def place(order: str, organization: ObjectId = ORGANIZATIONS[0], seconds: float = 0.0) -> None:
    """Order something; its key makes it safe to ask again."""
    event = ChaosOrdered(Actor(organization, ObjectId()), order=order, seconds=seconds)
    _, new = await changes.insert_once(Order(id=order), {"_id": order}, event)
    if new:
        await changes.change(Shop, {"_id": organization}, {"$inc": {"orders": 1}})


@job(ChaosOrdered, backoff=SOON)
async def book(job: Job[ChaosOrdered]) -> None:
    key = f"book {job.event.order}"
    await _begin(job, key)
    await keep(job, key)


@job(ChaosOrdered, queue=Queue.OUTBOUND, backoff=SOON)
async def notify(job: Job[ChaosOrdered]) -> dict[str, Any]:
    key = f"notify {job.event.order}"
    await note(job, key, meant_to_fail=_unlucky(job))
    await send(job, key)
    _fail(job)  # after the effect: the next attempt must not make another
    return {"to": job.event.order}


@job(ChaosOrdered, queue=Queue.SLOW, timeout=300, backoff=SOON)
async def bake(job: Job[ChaosOrdered]) -> None:
    key = f"bake {job.event.order}"
    await _begin(job, key)
    await asyncio.sleep(job.event.seconds)
    await keep(job, key)


@schedule("* * * * * *", catch_up=CatchUp.ALL, queue=Queue.FAST, backoff=SOON)
async def tick(job: Job[Tick]) -> None:
    key = f"tick {job.event.key()}"
    await _begin(job, key)
    await keep(job, key)


async def _begin(job: Job[Any], key: str) -> None:
    await note(job, key, meant_to_fail=_unlucky(job))
    _fail(job)


def _unlucky(job: Job[Any]) -> bool:
    return job.attempt < 3 and random.Random(f"{job.id} {job.attempt}").random() < UNLUCKY


def _fail(job: Job[Any]) -> None:
    if _unlucky(job):
        raise ConnectionError("bad luck")


OF_AN_ORDER: list[JobType[ChaosOrdered]] = [book, notify, bake]
"""Their effects' keys are their names, and the order."""
JOBS: list[JobType[Any]] = [*OF_AN_ORDER, tick]
