"""Faults one after another: the seed decides which come in which order and whom they choose, the machine the rest."""

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count

from tests.faults.deployment import Deployment
from tests.faults.faults import Fault


def chance(seed: int, purpose: str) -> random.Random:
    """A sequence for one purpose alone, the same in every run with this seed."""
    return random.Random(f"{seed} {purpose}")


@dataclass
class Storm:
    """Faults by name; `pause` is the seconds between two."""

    seed: int
    faults: Mapping[str, Fault]
    pause: float
    struck: list[tuple[str, str]] = field(default_factory=list)
    """The names of those that came, and whom they struck."""

    async def rage(self, deployment: Deployment, over: Callable[[], bool]) -> None:
        """Strike until it is over; returns when everything that was struck works again.

        Each kind comes once before any comes again, and never beside itself.
        """
        strikes: dict[str, asyncio.Task[None]] = {}
        bag: list[str] = []
        bags, numbers = chance(self.seed, "faults"), count()
        async with asyncio.TaskGroup() as group:
            while not over():
                bag = bag or bags.sample(list(self.faults), len(self.faults))
                if bag and (bag[-1] not in strikes or strikes[bag[-1]].done()):
                    name = bag.pop()
                    strikes[name] = group.create_task(self._strike(name, deployment, next(numbers)))
                await asyncio.sleep(self.pause)

    async def _strike(self, name: str, deployment: Deployment, number: int) -> None:
        struck = await self.faults[name](deployment, chance(self.seed, f"fault {number}"))
        self.struck.append((name, struck))
