"""R1 and R2: people order while workers, Valkey and MongoDB's primary die and freeze; each order's jobs are done once.

The seed decides which faults come in which order and what is ordered; the machine decides the rest.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path

from app.core.clock import now
from tests.chaos.jobs import shop
from tests.chaos.jobs.checks import Figures, figures, problems
from tests.chaos.jobs.stage import PATIENCE, Stage, staged
from tests.chaos.jobs.strikes import Strikes
from tests.faults.deployment import deployed
from tests.faults.histories import History, Outcome
from tests.faults.storms import Storm, chance

PRODUCERS = 6
WORKERS = 3
SLOW = 0.03
"""The part of orders that take longer to bake than a lease lasts."""
GIVES_UP = 0.1
"""How often a producer does not ask again after it got no answer."""

Announce = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """How much of what; `frozen` and `primary_frozen` are how many seconds a worker and a primary are stopped."""

    seed: int
    orders: int
    seconds: float
    lease: float = 10.0
    pause: float = 1.5
    frozen: float = 15.0
    elections: bool = False
    primary_frozen: float = 30.0

    @property
    def storms(self) -> list[Storm]:
        """Side by side, so that what takes long holds up nothing else."""
        strikes = Strikes(self.frozen, self.primary_frozen)
        sides = [strikes.quick, strikes.slow, *([strikes.elections] if self.elections else [])]
        return [Storm(self.seed, faults, self.pause) for faults in sides]


@dataclass
class Result:
    """What happened, and what of it must not have."""

    plan: Plan
    history: History = field(default_factory=History)
    faults: list[tuple[str, str]] = field(default_factory=list)
    """Their names, and whom they struck."""
    problems: list[str] = field(default_factory=list)
    drained: float = 0.0
    """Seconds from the end of the last fault until everything was done."""
    figures: Figures = field(default_factory=Figures)


async def run(plan: Plan, directory: Path, announce: Announce) -> Result:
    """Carry the plan out with processes of its own, whose data and logs are in the directory."""
    result = Result(plan)
    announce("Starting MongoDB, Valkey and workers")
    async with (
        deployed(directory, nodes=3 if plan.elections else 1) as deployment,
        staged(deployment, "chaos", plan.lease) as stage,
    ):
        await stage.hire("shop", WORKERS)
        await _storm(plan, stage, result, announce)
        announce("Waiting until all is done")
        over = now()
        result.problems = await _drain(result, over)
        result.figures = await figures(over)
        result.problems += deployment.ended()
    return result


async def _storm(plan: Plan, stage: Stage, result: Result, announce: Announce) -> None:
    """Let everybody order their share while faults come; returns when all is ordered and every fault is over."""
    ends, storms = time.monotonic() + plan.seconds, plan.storms
    async with asyncio.TaskGroup() as group:
        producing = [
            group.create_task(_produce(plan, f"producer {number}", result.history)) for number in range(PRODUCERS)
        ]

        def over() -> bool:
            placed = len(result.history.keys(Outcome.OK))
            announce(f"{placed} of {plan.orders} orders placed, {sum(len(storm.struck) for storm in storms)} faults")
            return time.monotonic() > ends and all(task.done() for task in producing)

        for storm in storms:
            group.create_task(storm.rage(stage.deployment, over))
    result.faults = [strike for storm in storms for strike in storm.struck]


async def _produce(plan: Plan, name: str, history: History) -> None:
    """Order one thing after another, each by its own key until it is acknowledged, spread over the time."""
    draw, begun = chance(plan.seed, name), time.monotonic()
    share = plan.orders // PRODUCERS
    for number, due in enumerate(sorted(draw.uniform(0, plan.seconds) for _ in range(share))):
        await asyncio.sleep(begun + due - time.monotonic())
        key, organization = f"{name}/{number}", draw.choice(shop.ORGANIZATIONS)
        seconds = 1.2 * plan.lease if draw.random() < SLOW else 0.0
        order = partial(shop.place, key, organization, seconds)
        while (await history.run(name, key, order)).outcome is not Outcome.OK:
            if draw.random() < GIVES_UP:
                break
            await asyncio.sleep(draw.uniform(0.05, 0.3))


async def _drain(result: Result, over: datetime) -> list[str]:
    """Compare until all holds or patience ends."""
    begun = time.monotonic()
    while True:
        found = await problems(result.history, over)
        result.drained = time.monotonic() - begun
        if not found or result.drained > PATIENCE:
            return found
        await asyncio.sleep(0.3)
