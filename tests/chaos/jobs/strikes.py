"""What strikes while people order: workers, Valkey, and MongoDB's primary, side by side."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from random import Random

import psutil

from tests.faults.deployment import Deployment
from tests.faults.faults import Fault, kill_primary, kill_valkey, kill_worker
from tests.faults.members import Member


class Strikes:
    """The faults of a run; `frozen` and `primary_frozen` are for how many seconds a process is stopped."""

    def __init__(self, frozen: float, primary_frozen: float) -> None:
        self._frozen, self._primary_frozen = frozen, primary_frozen
        self._struck: set[Member] = set()

    @property
    def quick(self) -> Mapping[str, Fault]:
        return {"worker killed": kill_worker, "worker stopped": self._stop, "Valkey killed": kill_valkey}

    @property
    def slow(self) -> Mapping[str, Fault]:
        return {"worker frozen": self._freeze}

    @property
    def elections(self) -> Mapping[str, Fault]:
        return {"primary struck": self._strike_primary}

    async def _stop(self, deployment: Deployment, draw: Random) -> str:
        async with self._one(deployment, draw) as member:
            await member.restart(gently=True)
        return str(member)

    async def _freeze(self, deployment: Deployment, draw: Random) -> str:
        async with self._one(deployment, draw) as member:
            with suppress(psutil.NoSuchProcess):  # it was killed just now
                await member.freeze(self._frozen)
        return str(member)

    @asynccontextmanager
    async def _one(self, deployment: Deployment, draw: Random) -> AsyncIterator[Member]:
        """A worker for one strike alone: one that is frozen while it stops takes longer than anybody would wait."""
        member = draw.choice([worker for worker in deployment.workers if worker not in self._struck])
        self._struck.add(member)
        try:
            yield member
        finally:
            self._struck.remove(member)

    async def _strike_primary(self, deployment: Deployment, draw: Random) -> str:
        if draw.random() < 0.5:
            return f"{await kill_primary(deployment, draw)}, killed"
        primary = await deployment.primary()
        await primary.freeze(self._primary_frozen)
        await deployment.mongo.elected()
        return f"{primary}, frozen"
