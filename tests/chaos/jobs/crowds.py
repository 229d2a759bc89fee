"""R10: one organization's jobs are stuck, as many as there are, and another's still begin."""

from app.core.clock import time_of
from tests.chaos.jobs import effects, mishaps, shop
from tests.chaos.jobs.stage import Stage
from tests.chaos.jobs.verdicts import Verdict, judged


async def crowded(stage: Stage, crowd: int = 500) -> Verdict:
    """R10: who comes behind a crowd that does not move waits no longer than anybody."""
    await stage.staff("mishaps", 2)
    for _ in range(crowd):
        await mishaps.cause(mishaps.ChaosStuck)
    await stage.executed("stick", 2)
    await shop.place("behind a crowd", shop.ORGANIZATIONS[1])
    begun = await stage.executed("book behind a crowd")
    (row,) = await stage.rows(_id=begun["job"])
    waited = (begun["at"] - time_of(row["event"]["e"])).total_seconds()
    through = len(await stage.rows(type=mishaps.stick.type, state="done"))
    await mishaps.switch(mishaps.UNSTUCK)
    await stage.ended("done", type=mishaps.stick.type)
    executions = len(await effects.executions("stick"))
    return judged(
        f"began {waited:.2f} s after its event, behind {crowd} that were stuck",
        {"none of the crowd had gone": through == 0, "each of it was executed once": executions == crowd},
        {"begun within 1 s": waited <= 1},
    )
