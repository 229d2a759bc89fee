"""R7: each tick of a schedule is run once, whatever happens to workers, and what nobody saw is made up for by rule."""

import asyncio
from collections import Counter
from collections.abc import Coroutine, Iterable
from datetime import datetime, timedelta
from typing import Any

from app.core.clock import now
from app.core.jobs import Schedule, Tick
from tests.chaos.jobs import effects
from tests.chaos.jobs.stage import PATIENCE, Stage
from tests.chaos.jobs.verdicts import Verdict, judged
from tests.faults.members import Member
from tests.faults.storms import chance
from tests.world import until

FROZEN_SECONDS = 3.0
SECONDLY = Schedule("* * * * * *")


async def ticked(stage: Stage, seconds: int = 30, away: float = 10.0, seed: int = 7) -> Verdict:
    """R7: freeze one of three workers and kill another in the middle of a run, within so many seconds.

    Then nobody works for some seconds, and at last somebody does again.
    """
    workers = await stage.staff("clocks", 3)
    await stage.executed("every")
    draw, begun = chance(seed, "ticks"), now()
    frozen = draw.choice(workers)
    async with asyncio.TaskGroup() as group:
        group.create_task(_later(draw.uniform(0, seconds / 3), frozen.freeze(FROZEN_SECONDS)))
        group.create_task(_later(draw.uniform(seconds / 3, seconds / 2), _kill_in_mid_run(stage, frozen)))
        await asyncio.sleep(seconds)
    ticks = _ticks(begun, begun + timedelta(seconds=seconds))
    runs = await _runs(stage, "every", ticks)
    stage.dismiss()
    gone = now()
    await asyncio.sleep(away)
    back = now()
    await stage.staff("clocks", 1)
    missed = _ticks(gone, back)
    made_up = {name: sum((await _runs(stage, name, missed)).values()) for name in ("every", "present")}
    made_up["newest"] = await _made_at_first_look(stage, "newest", gone)
    return judged(
        f"{len(runs)} ticks, {sum(runs.values())} runs; of {len(missed)} that nobody saw: {made_up}",
        {
            "each tick run once": set(runs.values()) == {1},
            "made up for by rule": made_up == {"every": len(missed), "present": 0, "newest": 1},
        },
    )


async def _later(pause: float, blow: Coroutine[Any, Any, None]) -> None:
    await asyncio.sleep(pause)
    await blow


async def _kill_in_mid_run(stage: Stage, spared: Member) -> None:
    """Kill whoever is the first to begin a run from now on, but for the one that is frozen now and then."""
    seen = {execution["_id"] for execution in await effects.executions("every")}

    async def begun() -> Member | None:
        fresh = [one for one in await effects.executions("every") if one["_id"] not in seen]
        return next((member for one in fresh if (member := stage.worker(one["pid"])) is not spared), None)

    (await until(begun, PATIENCE)).kill()


def _ticks(after: datetime, until: datetime) -> list[datetime]:
    ticks = [SECONDLY.after(after)]
    while (tick := SECONDLY.after(ticks[-1])) <= until:
        ticks.append(tick)
    return ticks


async def _runs(stage: Stage, schedule: str, ticks: Iterable[datetime]) -> dict[datetime, int]:
    """How often each of these ticks was run to its end, once the schedule has come past them and none is under way."""
    last = max(ticks)

    async def settled() -> bool:
        rows = await stage.rows(type=f"{schedule}.1")
        return any(row["tick"] > last for row in rows) and all(
            row["state"] == "done" for row in rows if row["tick"] <= last
        )

    await until(settled, PATIENCE)
    found = Counter(await effects.kept(schedule))
    return {tick: found[f"{schedule} {Tick(tick).key()}"] for tick in ticks}


async def _made_at_first_look(stage: Stage, schedule: str, gone: datetime) -> int:
    """How many runs were made of ticks since a moment when somebody looked at the schedule again."""
    rows = await until(lambda: stage.rows(type=f"{schedule}.1", tick={"$gt": gone}), PATIENCE)
    return sum(row["tick"] <= rows[0]["created_at"] for row in rows)
