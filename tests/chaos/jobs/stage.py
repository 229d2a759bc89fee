"""Where jobs are put to the test: one database of a deployment, and workers that come and go."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from app.core import changes, database
from app.core.tasks import end
from tests.chaos.jobs import effects, shop
from tests.faults.deployment import Deployment
from tests.faults.members import Member
from tests.world import until

PATIENCE = 120.0
"""Seconds for what must come about sooner or later, however busy the machine."""


class Stage:
    """Workers lease jobs for `lease` seconds, and are members of the deployment: its faults know them."""

    def __init__(self, deployment: Deployment, name: str, lease: float) -> None:
        self.deployment, self.name, self.lease = deployment, name, lease
        self._hired = 0

    async def hire(self, module: str, count: int) -> list[Member]:
        """Start workers that know the jobs of a module of this package; returns when they work."""
        command = ("-m", "tests.chaos.jobs.roles", module, self.name, str(self.lease))
        names = [f"{module}-{self._hired + number}" for number in range(count)]
        self._hired += count
        members = [await self.deployment.start(name, *command) for name in names]
        for member in members:
            self.deployment.others.remove(member)
            self.deployment.workers.append(member)
        await asyncio.gather(*(member.says("worker.works") for member in members))
        return members

    async def staff(self, module: str, count: int) -> list[Member]:
        """So many workers that know these jobs and no others; those that are there already stay, others hand over."""
        workers = self.deployment.workers
        for member in [one for one in workers if not (str(one).startswith(f"{module}-") and one.process.running)]:
            await member.terminate()
            workers.remove(member)
        await self.hire(module, max(0, count - len(workers)))
        return workers

    async def at_work(self) -> None:
        """Returns when every worker is, those too that are being started again."""
        for member in self.deployment.workers:
            await until(lambda member=member: asyncio.sleep(0, member.process.running), PATIENCE)
            await member.says("worker.works", PATIENCE)

    def worker(self, pid: int) -> Member:
        return next(member for member in self.deployment.workers if member.pid == pid)

    async def executed(self, key: str, times: int = 1) -> dict[str, Any]:
        """The execution of this number, as soon as there is one."""

        async def found() -> dict[str, Any] | None:
            notes = await effects.executions(key)
            return notes[times - 1] if len(notes) >= times else None

        execution: dict[str, Any] = await until(found, PATIENCE)
        return execution

    async def ended(self, state: str, **where: Any) -> list[dict[str, Any]]:
        """The rows of jobs on which a condition holds, as soon as there are some and all of them are in a state."""

        async def found() -> list[dict[str, Any]]:
            rows = await self.rows(**where)
            return rows if all(row["state"] == state for row in rows) else []

        rows: list[dict[str, Any]] = await until(found, PATIENCE)
        return rows

    async def rows(self, **where: Any) -> list[dict[str, Any]]:
        return await database.collection("jobs").find(where, sort=[("created_at", 1)]).to_list()

    @asynccontextmanager
    async def supervised(self) -> AsyncIterator[None]:
        """Start again what ends by itself, as an orchestrator does."""

        async def watch() -> None:
            while True:
                for member in self.deployment.workers:
                    if not member.process.running:
                        await member.start()
                await asyncio.sleep(0.1)

        watching = asyncio.create_task(watch())
        try:
            yield
        finally:
            await end(watching)

    def dismiss(self) -> None:
        """Kill all workers."""
        for member in self.deployment.workers:
            member.kill()
        self.deployment.workers.clear()


@asynccontextmanager
async def staged(deployment: Deployment, name: str, lease: float) -> AsyncIterator[Stage]:
    """A database of its own, to which this process is connected meanwhile."""
    database.connect(deployment.mongo.uri, name)
    stage = Stage(deployment, name, lease)
    try:
        await changes.prepare()
        await effects.prepare()
        await shop.prepare()
        yield stage
    finally:
        stage.dismiss()
        await database.close()
