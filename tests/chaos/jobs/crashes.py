"""R3 and R4: a worker that dies in the middle of a job, and one that sleeps through its lease."""

import asyncio
from dataclasses import dataclass

from app.core.clock import now
from tests.chaos.jobs import effects, mishaps, shop
from tests.chaos.jobs.stage import PATIENCE, Stage
from tests.world import until


@dataclass(frozen=True)
class Crash:
    """How often a job was executed and had its effect, and how many seconds after the blow it began again."""

    executions: int
    effects: int
    again_after: float


async def killed(stage: Stage, seconds: float) -> Crash:
    """R3: kill -9 in the middle of a job. Its second execution lasts so long, more than one lease, and is let be."""
    await stage.hire("shop", 2)
    await shop.place("one", seconds=seconds)
    first = await stage.executed("bake one")
    stage.worker(first["pid"]).kill()
    struck = now()
    second = await stage.executed("bake one", 2)
    await stage.ended("done", type="bake.1")
    return await _crash("bake one", (second["at"] - struck).total_seconds())


async def overslept(stage: Stage) -> Crash:
    """R4: SIGSTOP past the lease, in the middle of a job. The second worker ends it, and then the first wakes up."""
    await stage.hire("mishaps", 2)
    await mishaps.cause(mishaps.ChaosSlept)
    first = await stage.executed("sleep")
    sleeper = stage.worker(first["pid"])
    async with sleeper.frozen():
        struck = now()
        second = await stage.executed("sleep", 2)
        await until(lambda: effects.kept("sleep"), PATIENCE)
    await sleeper.says("job_overtaken")
    await asyncio.sleep(0.5)
    await stage.ended("done", type="sleep.1")
    return await _crash("sleep", (second["at"] - struck).total_seconds())


async def _crash(key: str, again_after: float) -> Crash:
    return Crash(len(await effects.executions(key)), len(await effects.kept(key)), again_after)
