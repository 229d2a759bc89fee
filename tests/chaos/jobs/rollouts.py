"""R9: a rolling release, in which old workers meet events and jobs that only new ones know."""

from collections import Counter
from dataclasses import dataclass

from app.core import database
from app.core.clock import now
from tests.chaos.jobs import effects, new
from tests.chaos.jobs.stage import PATIENCE, Stage
from tests.world import until


@dataclass(frozen=True)
class Rollout:
    """How often each job of new orders was executed and had its effect, and seconds from the new worker's start."""

    touched: int
    """Jobs that were executed or ended before there was a worker that knows them."""
    executions: Counter[str]
    effects: Counter[str]
    wrong: int
    """Rows that failed or died, at any time."""
    run_after: float


async def released(stage: Stage, orders: int) -> Rollout:
    """New servers write, old workers read; then a new worker starts, and the old ones are still there."""
    await stage.hire("old", 2)
    for number in range(orders):
        await new.ship_and_return(str(number))
    await until(lambda: _unread(2 * orders), PATIENCE)
    touched = len(await effects.executions()) + len(await stage.rows())
    await stage.hire("new", 1)
    begun = now()
    await until(lambda: _kept(2 * orders), PATIENCE)
    run_after = (now() - begun).total_seconds()
    await new.ship_and_return("late")
    await until(lambda: _kept(2 * orders + 2), PATIENCE)
    rows = await stage.ended("done")
    tries = Counter(note["key"] for note in await effects.executions())
    wrong = sum("last_error" in row for row in rows)
    return Rollout(touched, tries, Counter(await effects.kept()), wrong, run_after)


async def _unread(count: int) -> bool:
    return await database.collection("unread").count_documents({}) >= count


async def _kept(count: int) -> bool:
    return len(await effects.kept()) >= count
