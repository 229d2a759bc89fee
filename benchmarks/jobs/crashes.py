"""What becomes of jobs when the machine of their only worker stops: it is killed, and another one starts at once."""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from redis.asyncio import Redis

from benchmarks.jobs.contenders import KILLED
from benchmarks.jobs.effects import BEGUN, EFFECTS
from benchmarks.jobs.sending import Order
from benchmarks.jobs.stage import POLL_SECONDS, Contender, Stage, kill_all

JOBS = 200
SECONDS = 0.1
"""How slow each job is, so that some are always under way."""
KILLED_AT = JOBS // 8
"""So many effects are there when the worker is killed."""
PATIENCE = 120.0
"""Seconds within which the first of them must be there."""
QUIET = 30.0
"""Seconds without a new effect after which no more is waited for."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`begun` jobs were under way when the worker was killed; `missing` ones have no effect at the end.

    Of those, `queued` ones were still in Valkey, the others were lost. `repeated` ones were begun more than once.
    `last` is the seconds from the kill to the last effect.
    """

    name: str
    begun: int
    missing: int
    queued: int
    repeated: int
    last: float


@dataclass(slots=True)
class Crashes:
    """One kill for each contender."""

    title: str = f"{JOBS} jobs of {SECONDS} s, the worker killed with SIGKILL"
    outcomes: list[Outcome] = field(default_factory=list)

    async def run(self, stage: Stage, announce: Callable[[str], None]) -> None:
        for contender in KILLED:
            announce(f"{self.title}: {contender.name}")
            self.outcomes.append(await _crash(stage, contender))


async def _crash(stage: Stage, contender: Contender) -> Outcome:
    await stage.clear()
    effects, begun = stage.database[EFFECTS], stage.database[BEGUN]
    with stage.worker(contender) as worker:
        await stage.enqueue(contender, Order(range(JOBS), seconds=SECONDS))
        await stage.done(KILLED_AT, worker, PATIENCE)
        while not await _under_way(stage):
            await asyncio.sleep(POLL_SECONDS)
        kill_all(worker)
    killed = time.monotonic()
    under_way = await _under_way(stage)
    with stage.worker(contender):
        there, last = 0, killed
        while there < JOBS and time.monotonic() < last + QUIET:
            if (now := await effects.count_documents({})) > there:
                there, last = now, time.monotonic()
            await asyncio.sleep(0.05)
    times = Counter([row["number"] async for row in begun.find()])
    repeated = sum(count > 1 for count in times.values())
    return Outcome(contender.name, under_way, JOBS - there, await _queued(), repeated, last - killed)


async def _under_way(stage: Stage) -> int:
    effects, begun = stage.database[EFFECTS], stage.database[BEGUN]
    return await begun.count_documents({}) - await effects.count_documents({})


async def _queued() -> int:
    """How many jobs arq's and Celery's queues hold, those too that the killed worker had taken."""
    async with Redis.from_url(os.environ["REDIS_URL"]) as redis:
        queued: int = await redis.zcard("arq:queue") + await redis.llen("celery") + await redis.hlen("unacked")
        return queued
