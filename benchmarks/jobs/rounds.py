"""How many jobs are done in a second, and how soon each starts when they come at a pace."""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

from benchmarks.figures import Contestant, Measurement, Round
from benchmarks.jobs.contenders import AT_A_PACE, IN_A_RUSH
from benchmarks.jobs.effects import EFFECTS
from benchmarks.jobs.sending import Order
from benchmarks.jobs.stage import Contender, Stage
from benchmarks.processors import spent

JOBS_A_SECOND = 500
"""How many jobs a round has, for each second that it is given."""
PACE = 75.0
"""Jobs a second: a third of what the slowest can do, on two cores."""
WARM_UP = 100
PATIENCE = 120.0
"""Seconds within which all jobs of a round must be done."""

_BESIDE = "of\nCelery"


def throughput(stage: Stage) -> Measurement:
    """From the first call that enqueues to the last effect. The times are those that jobs wait in the rush."""
    return Measurement("Durable jobs, all at once", "jobs", _contestants(stage, IN_A_RUSH, JOBS_A_SECOND, 0), _BESIDE)


def starts(stage: Stage) -> Measurement:
    """From the moment before the call that enqueues to the first line of the handler."""
    title = f"Starts of durable jobs, {PACE:.0f} a second"
    return Measurement(title, "jobs", _contestants(stage, AT_A_PACE, PACE, PACE), _BESIDE)


def _contestants(stage: Stage, who: Sequence[Contender], jobs: float, pace: float) -> list[Contestant]:
    """They do so many jobs for each second that a round is given."""

    def turn_of(contender: Contender) -> Callable[[float], Awaitable[Round]]:
        async def turn(seconds: float) -> Round:
            return await _measure(stage, contender, Order(range(int(seconds * jobs)), pace))

        return turn

    return [Contestant(contender.name, turn_of(contender)) for contender in who]


async def _measure(stage: Stage, contender: Contender, order: Order) -> Round:
    await stage.clear()
    with stage.worker(contender) as worker:
        await stage.enqueue(contender, Order(range(-WARM_UP, 0)))
        await stage.done(WARM_UP, worker, PATIENCE)
        assert worker.pid is not None
        with spent({"worker": worker.pid, **stage.pids}) as cpu:
            sent = await stage.enqueue(contender, order)
            ended = await stage.done(WARM_UP + len(order.numbers), worker, PATIENCE)
    rows = await stage.database[EFFECTS].find({"number": {"$gte": 0}}).to_list()
    first = min(sent.begun.values())
    seen = Counter(row["number"] for row in rows)
    return Round.of(
        ended - first,
        [row["started"] - sent.begun[row["number"]] for row in rows],
        sum(seen[number] != 1 for number in order.numbers),
        cpu,
        also={"enqueued\na second": len(order.numbers) / (sent.ended - first)},
    )
