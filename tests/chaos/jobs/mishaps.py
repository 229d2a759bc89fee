"""Jobs that go wrong, each in its own way: the business of R4 to R6 and R10, beside the orders of the shop."""

import asyncio
import os
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from bson import ObjectId

from app.core import changes, database
from app.core.actor import Actor
from app.core.changes import Event
from app.core.jobs import Backoff, Job, JobType, Permanent, job
from tests.chaos.jobs import shop
from tests.chaos.jobs.effects import keep, note

SWITCHES = "chaos_switches"
MENDED, UNSTUCK = "mended", "unstuck"
ATTEMPTS = 3
BASE = 0.4
"""Seconds of the first pause of a job that fails, at most."""
DEAF_SECONDS = 2.0


@dataclass(frozen=True, kw_only=True)
class ChaosSlept(Event): ...


@dataclass(frozen=True, kw_only=True)
class ChaosPoisoned(Event): ...


@dataclass(frozen=True, kw_only=True)
class ChaosFailed(Event): ...


@dataclass(frozen=True, kw_only=True)
class ChaosStuck(Event): ...


async def cause(kind: type[Event]) -> None:
    """Let one such event be told."""
    await changes.insert(shop.Order(id=str(ObjectId())), kind(Actor(shop.ORGANIZATIONS[0], ObjectId())))


async def switch(name: str) -> None:
    """MENDED makes the poison harmless; UNSTUCK lets those go on that are stuck."""
    await database.collection(SWITCHES).insert_one({"_id": name})


async def _switched(name: str) -> bool:
    return await database.collection(SWITCHES).find_one({"_id": name}) is not None


@job(ChaosSlept, timeout=300)
async def sleep(job: Job[ChaosSlept]) -> None:
    """It does not hear that it was cancelled: nothing but the fence keeps out what it does after its lease."""
    await note(job, "sleep")
    working = asyncio.create_task(_sleep_and_keep(job))
    while not working.done():
        with suppress(asyncio.CancelledError):
            await asyncio.wait([working])
    working.result()


async def _sleep_and_keep(job: Job[ChaosSlept]) -> None:
    await asyncio.sleep(DEAF_SECONDS)
    await keep(job, "sleep")


def deadly(attempt: int) -> str:
    """The switch that lets the poison act in this attempt."""
    return f"deadly {attempt}"


@job(ChaosPoisoned, attempts=ATTEMPTS, timeout=300)
async def poison(job: Job[ChaosPoisoned]) -> None:
    await note(job, "poison")
    while not await _switched(MENDED):
        if await _switched(deadly(job.attempt)):
            os._exit(9)
        await asyncio.sleep(0.05)
    await keep(job, "poison")


@job(ChaosFailed, attempts=4, backoff=Backoff(first=BASE))
async def fail(job: Job[ChaosFailed]) -> None:
    await note(job, "fail")
    raise ConnectionError("nobody there")


@job(ChaosFailed)
async def refuse(job: Job[ChaosFailed]) -> None:
    await note(job, "refuse")
    raise Permanent("no such mailbox")


@job(ChaosFailed, attempts=2, timeout=0.3, backoff=Backoff(first=BASE))
async def hang(job: Job[ChaosFailed]) -> None:
    await note(job, "hang")
    await asyncio.Event().wait()


@job(ChaosStuck, timeout=600)
async def stick(job: Job[ChaosStuck]) -> None:
    await note(job, "stick")
    while not await _switched(UNSTUCK):
        await asyncio.sleep(0.5)


JOBS: list[JobType[Any]] = [*shop.OF_AN_ORDER, sleep, poison, fail, refuse, hang, stick]
