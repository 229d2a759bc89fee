"""R9: a rolling release, in which old workers meet events and jobs that only new ones know."""

from collections import Counter

from app.core import database, jobs
from app.core.clock import now
from tests.chaos.jobs import effects, new
from tests.chaos.jobs.stage import PATIENCE, Stage
from tests.chaos.jobs.verdicts import Verdict, judged
from tests.world import until

TYPES = [job.type for job in new.JOBS]
WHAT = "(ship|back|thank) "
"""How the keys of their effects begin."""


async def released(stage: Stage, orders: int = 100) -> Verdict:
    """R9: new servers write, old workers read; then a new worker starts, and the old ones are still there."""
    await stage.staff("old", 2)
    await jobs.prepare(new.JOBS)  # as a server of the new release does when it starts
    for number in range(orders):
        await new.ship_and_return(str(number))
    await until(lambda: _unread(2 * orders), PATIENCE)
    touched = len(await stage.rows(type={"$in": TYPES}))
    await stage.hire("new", 1)
    begun = now()
    await until(lambda: _shipped(3 * orders), PATIENCE)
    after = (now() - begun).total_seconds()
    await new.ship_and_return("late")
    await until(lambda: _shipped(3 * orders + 3), PATIENCE)
    rows = await stage.ended("done", type={"$in": TYPES})
    executions = Counter(note["key"] for note in await effects.executions(WHAT))
    kept = Counter(await effects.kept(WHAT))
    return judged(
        f"{len(rows)} jobs, {executions.total()} executions, done {after:.1f} s after the new worker worked",
        {
            "old workers touch nothing": touched == 0,
            "nothing failed": not any("last_error" in row for row in rows),
            "everything was done once": len(kept) == 3 * orders + 3 and {*kept.values(), *executions.values()} == {1},
        },
        {"done within 5 s": after <= 5},
    )


async def _unread(count: int) -> bool:
    return await database.collection("unread").count_documents({}) >= count


async def _shipped(count: int) -> bool:
    return len(await effects.kept(WHAT)) >= count
