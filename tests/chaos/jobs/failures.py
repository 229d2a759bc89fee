"""R5 and R6: a job that kills whoever takes it, and jobs that fail in the ways in which jobs may fail."""

import asyncio
from dataclasses import dataclass
from itertools import pairwise

from app.core import clock
from app.core.jobs import control
from app.core.tasks import end
from tests.chaos.jobs import effects, mishaps, shop
from tests.chaos.jobs.stage import Stage

PAUSE = 0.1
"""Seconds between two orders of those who have nothing to do with the poison."""


@dataclass(frozen=True)
class Poison:
    """What a poisoned job did before and after it was mended; `delays` are the others', in seconds, sorted."""

    executions: int
    dead: int
    error: str
    effects: int
    delays: list[float]

    @property
    def p95(self) -> float:
        return self.delays[int(len(self.delays) * 0.95)]


async def poisoned(stage: Stage, workers: int = 3) -> Poison:
    """R5: os._exit(9) in each attempt; then it is mended, and tried again by staff."""
    await stage.hire("mishaps", workers)
    async with stage.supervised():
        ordering = asyncio.create_task(_order())
        await asyncio.sleep(10 * PAUSE)
        await mishaps.cause(mishaps.ChaosPoisoned)
        (dead,) = await stage.ended("dead", type="poison.1")
        await end(ordering)
        executions, count = await effects.executions("poison"), len(await stage.rows(state="dead"))
        booked = await stage.ended("done", type="book.1")
        await mishaps.mend()
        assert await control.retry(dead["_id"])
        await stage.ended("done", type="poison.1")
    delays = sorted((row["finished_at"] - clock.time_of(row["event"]["e"])).total_seconds() for row in booked)
    return Poison(len(executions), count, dead["last_error"], len(await effects.kept("poison")), delays)


async def _order() -> None:
    for number in range(10_000):
        await shop.place(str(number), shop.ORGANIZATIONS[1 + number % 4])
        await asyncio.sleep(PAUSE)


@dataclass(frozen=True)
class Failures:
    """How often each kind of failing job was executed, how it ended, and the pauses of the one that is tried again."""

    executions: dict[str, int]
    states: dict[str, str]
    pauses: list[float]


async def failed(stage: Stage) -> Failures:
    """R6."""
    await stage.hire("mishaps", 1)
    await mishaps.cause(mishaps.ChaosFailed)
    kinds = ("fail", "refuse", "hang")
    rows = [row for kind in kinds for row in await stage.ended("dead", type=f"{kind}.1")]
    tries = {kind: await effects.executions(kind) for kind in kinds}
    pauses = [(after["at"] - before["at"]).total_seconds() for before, after in pairwise(tries["fail"])]
    states = {row["type"].partition(".")[0]: row["state"] for row in rows}
    return Failures({kind: len(found) for kind, found in tries.items()}, states, pauses)
