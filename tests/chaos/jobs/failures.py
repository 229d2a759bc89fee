"""R5 and R6: a job that kills whoever takes it, and jobs that fail in the ways in which jobs may fail."""

import asyncio
from datetime import datetime
from itertools import pairwise

from app.core import clock
from app.core.database import Document
from app.core.jobs import control
from app.core.tasks import end
from tests.chaos.jobs import effects, mishaps, shop
from tests.chaos.jobs.stage import Stage
from tests.chaos.jobs.verdicts import Verdict, judged

PAUSE = 0.1
"""Seconds between two orders of those who have nothing to do with the poison."""
CALM = 3.0
"""Seconds in which they order before there is any."""


async def poisoned(stage: Stage) -> Verdict:
    """R5: os._exit(9) in each attempt; then it is mended, and tried again by staff.

    Each time all the workers are at work, however long a machine takes to start one again.
    """
    await stage.staff("mishaps", 3)
    async with stage.supervised():
        await shop.place("before all others")
        await stage.ended("done", type=shop.book.type)
        calm_from, ordering = clock.now(), asyncio.create_task(_order())
        await asyncio.sleep(CALM)
        begun = clock.now()
        await mishaps.cause(mishaps.ChaosPoisoned)
        for attempt in range(1, mishaps.ATTEMPTS + 1):
            await stage.executed("poison", attempt)
            await stage.at_work()
            await mishaps.switch(mishaps.deadly(attempt))
        (dead,) = await stage.ended("dead", type=mishaps.poison.type)
        await end(ordering)
        executions, buried = len(await effects.executions("poison")), len(await stage.rows(type=dead["type"]))
        others = await stage.ended("done", type=shop.book.type)
        await mishaps.switch(mishaps.MENDED)
        mended = await control.retry(dead["_id"])
        await stage.ended("done", type=dead["type"])
    calm, p95 = (_p95(others, *between) for between in ((calm_from, begun), (begun, clock.now())))
    return judged(
        f"dead after {executions} executions; {len(others)} others waited {p95:.1f} s (p95), {calm:.2f} s before",
        {
            f"{mishaps.ATTEMPTS} executions": executions == mishaps.ATTEMPTS,
            "one dead job, which says why": buried == 1 and "process ended" in dead["last_error"],
            "one effect once it is mended": mended and await effects.kept("poison") == ["poison"],
            "others wait 2 s at most (p95), beyond what they waited before": p95 <= 2 + calm,
        },
    )


def _p95(rows: list[Document], after: datetime, before: datetime) -> float:
    """Seconds from the event to the end of its job, of jobs that were caused between two moments."""
    told = ((row, clock.time_of(row["event"]["e"])) for row in rows)
    delays: list[float] = sorted((row["finished_at"] - at).total_seconds() for row, at in told if after <= at < before)
    return delays[int(len(delays) * 0.95)]


async def _order() -> None:
    for number in range(10_000):
        await shop.place(str(number), shop.ORGANIZATIONS[1 + number % 4])
        await asyncio.sleep(PAUSE)


async def failed(stage: Stage) -> Verdict:
    """R6: an error is tried again after pauses that grow, as is a timeout; what is permanent is not."""
    await stage.staff("mishaps", 1)
    await mishaps.cause(mishaps.ChaosFailed)
    kinds = (mishaps.fail, mishaps.refuse, mishaps.hang)
    for kind in kinds:
        await stage.ended("dead", type=kind.type)
    tries = {kind.name: await effects.executions(kind.name) for kind in kinds}
    counts = [len(tries[kind.name]) for kind in kinds]
    pauses = [(after["at"] - before["at"]).total_seconds() for before, after in pairwise(tries["fail"])]
    longest = [mishaps.BASE * 2**number * 1.1 + 0.5 for number in range(len(pauses))]  # the poll, and its own work
    return judged(
        f"executions {counts}, pauses {', '.join(f'{pause:.2f}' for pause in pauses)} s",
        {"as many executions as are allowed": counts == [mishaps.fail.attempts, 1, mishaps.hang.attempts]},
        {"pauses grow, up to their limits": all(pause <= most for pause, most in zip(pauses, longest, strict=True))},
    )
