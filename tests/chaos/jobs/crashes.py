"""R3 and R4: a worker that dies in the middle of a job, and one that sleeps through its lease."""

import asyncio

from app.core.clock import now
from tests.chaos.jobs import effects, mishaps, shop
from tests.chaos.jobs.stage import PATIENCE, Stage
from tests.chaos.jobs.verdicts import Verdict, judged
from tests.world import until


async def killed(stage: Stage, seconds: float = 60.0) -> Verdict:
    """R3: kill -9 in the middle of a job. Its second execution lasts so long, many leases, and is let be."""
    await stage.staff("mishaps", 2)
    await shop.place("one", seconds=seconds)
    first = await stage.executed("bake one")
    stage.worker(first["pid"]).kill()
    struck = now()
    second = await stage.executed("bake one", 2)
    await stage.ended("done", type=shop.bake.type)
    return await _verdict("bake one", stage, (second["at"] - struck).total_seconds())


async def overslept(stage: Stage) -> Verdict:
    """R4: SIGSTOP past the lease, in the middle of a job. The second worker ends it, and then the first wakes up."""
    await stage.staff("mishaps", 2)
    await mishaps.cause(mishaps.ChaosSlept)
    first = await stage.executed("sleep")
    sleeper = stage.worker(first["pid"])
    async with sleeper.frozen():
        struck = now()
        second = await stage.executed("sleep", 2)
        await until(lambda: effects.kept("sleep"), PATIENCE)
    await sleeper.says("job_overtaken")
    await asyncio.sleep(0.5)
    await stage.ended("done", type=mishaps.sleep.type)
    return await _verdict("sleep", stage, (second["at"] - struck).total_seconds())


async def _verdict(key: str, stage: Stage, again: float) -> Verdict:
    executions, count = len(await effects.executions(key)), len(await effects.kept(key))
    return judged(
        f"began again after {again:.1f} s, {executions} executions, {count} effects",
        {"two executions": executions == 2, "one effect": count == 1},
        {f"again within {stage.lease + 3:g} s": again <= stage.lease + 3},
    )
