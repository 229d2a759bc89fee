"""The bench for faults: all of Atrium as processes that die, freeze, are cut off, and come back.

    async with deployed(directory, servers=2, workers=2, nodes=3, wired=True) as deployment:
        deployment.worlds[0]                                # a client of the first server: see `tests.world`
        await deployment.workers[0].restart()               # kill -9 and start; returns when it works
        await deployment.workers[0].restart(gently=True)    # SIGTERM and start
        await deployment.servers[0].freeze(5)               # SIGSTOP, SIGCONT
        primary = await deployment.primary()                # the member; `deployment.mongo` asks about elections
        async with deployment.parted(primary): ...          # cut off from everybody, or from those that are named
        await deployment.start("mine", "-m", "tests.mine")  # one more process, stopped with the others

`histories` notes what clients asked for and compares, `faults` has the common faults by name, and `storms` lets them
come one after another from a seed.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError

from app.core.settings import settings
from app.dev.children import Child
from app.dev.embedded import EmbeddedValkey, Server
from tests.faults.members import PATIENCE_SECONDS, Member
from tests.faults.ports import quiet_port
from tests.faults.replicas import ReplicaSet
from tests.faults.wires import Cut, Wires
from tests.postoffice import PostOffice, post_office
from tests.world import World, ready

DATABASE = "atrium_chaos"
REQUEST_SECONDS = 30
"""How long clients wait for an answer, unless a test tells them to have less patience."""


class Deployment:
    """The members, by what they are, and the servers' addresses as clients use them."""

    database: AsyncDatabase[dict[str, Any]]
    """Through a client of the test's own."""
    post_office: PostOffice

    def __init__(
        self,
        directory: Path,
        nodes: int = 1,
        *,
        durable: bool = False,
        wired: bool = False,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.directory = directory
        self._wires = Wires(directory) if wired else None
        self._cuts: list[Cut] = []
        self.mongo = ReplicaSet(directory, nodes, self._wires)
        self.nodes = [_served(node, node.address) for node in self.mongo.nodes]
        valkey = EmbeddedValkey(directory / "valkey", quiet_port(), durable=durable)
        address = self._wires.before(valkey.port) if self._wires else valkey.port
        self.valkey = _served(valkey, address)
        self.redis_url = f"redis://127.0.0.1:{address}/0"
        self.environment = {"MONGODB_URI": self.mongo.uri, "REDIS_URL": self.redis_url, **(environment or {})}
        self.servers: list[Member] = []
        self.workers: list[Member] = []
        self.others: list[Member] = []
        self.worlds: list[World] = []

    @property
    def members(self) -> list[Member]:
        return [*self.servers, *self.workers, *self.others, self.valkey, *self.nodes]

    async def start(self, name: str, *command: str, **environment: str) -> Member:
        """Start one more process, `python` with these arguments in the environment of Atrium's own, and this."""
        member = Member(self._child(name, *command, **environment), _at_once)
        self.others.append(member)
        await member.start()
        return member

    async def primary(self) -> Member:
        """MongoDB's, as soon as there is one."""
        return self.nodes[self.mongo.nodes.index(await self.mongo.elected())]

    async def leader(self) -> Member | None:
        """The worker that numbers events: nobody else has a change stream open. None while there is no such worker."""
        try:
            async with await self.database.client.admin.aggregate([{"$currentOp": {}}]) as operations:
                ports = {_port(operation["client"]) async for operation in operations if _watches(operation)}
        except PyMongoError:
            return None
        if self._wires:
            origins = await self._wires.origins()
            ports = {origins.get(port, 0) for port in ports}
        return next((worker for worker in self.workers if ports & _ports(worker)), None)

    @asynccontextmanager
    async def parted(self, member: Member, *others: Member) -> AsyncIterator[None]:
        """Let nothing pass between a member and the others, either way; between it and everybody if none is named."""
        assert self._wires, "deployed(..., wired=True) lays the wires that can be cut"
        cuts = list(self._between(member, others or [one for one in self.members if one is not member]))
        if not others and member.port:
            cuts.append((member.port, None))
        self._cuts += cuts
        await self._wires.cut(self._cuts)
        try:
            yield
        finally:
            for cut in cuts:
                self._cuts.remove(cut)
            await self._wires.cut(self._cuts)

    def ended(self) -> list[str]:
        """The processes that are gone though nobody killed them."""
        children = [member.process for member in self.members]
        return [f"{child.name} ended with {child.exit_status}" for child in children if not child.running]

    def _between(self, member: Member, others: Iterable[Member]) -> Iterable[Cut]:
        for other in others:
            for wire, sender in ((member.port, other), (other.port, member)):
                if wire:
                    yield wire, sender.pid

    def _child(self, name: str, *command: str, **environment: str) -> Child:
        given = {**os.environ, **self.environment, **environment}
        return Child(name, [sys.executable, *command], self.directory, environment=given)

    async def _start_databases(self) -> None:
        if self._wires:
            await self._wires.start()
        await self.valkey.start()
        await self.mongo.start()

    async def _start_atrium(self, servers: int, workers: int, http: httpx.AsyncClient) -> None:
        migrate = self._child("migrate", "-m", "app.cli", "migrate")
        migrate.start()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while migrate.running:
                await asyncio.sleep(0.05)
        assert migrate.exit_status == 0, migrate.log_tail()
        for number in range(workers):
            self.workers.append(Member(self._child(f"worker-{number}", "-m", "app.cli", "worker"), _works))
        for number in range(servers):
            port = quiet_port()
            self.worlds.append(World(f"http://127.0.0.1:{port}", http))
            serve = self._child(f"server-{number}", "-m", "app.cli", "serve", "--port", str(port))
            self.servers.append(Member(serve, _serves(self.worlds[-1]), port))
        await asyncio.gather(*(member.start() for member in [*self.workers, *self.servers]))

    def stop(self) -> None:
        """Ask Atrium's processes to end, wait for them, and kill the rest."""
        gentle = [member.process for member in [*self.others, *self.servers, *self.workers]]
        for child in gentle:
            child.terminate()
        for child in gentle:
            child.stop()
        for member in self.members:
            member.kill()
        if self._wires:
            self._wires.process.stop()


@asynccontextmanager
async def deployed(
    directory: Path,
    *,
    servers: int = 0,
    workers: int = 0,
    nodes: int = 1,
    durable: bool = False,
    wired: bool = False,
    environment: Mapping[str, str] | None = None,
) -> AsyncIterator[Deployment]:
    """So many servers and workers on a MongoDB of so many nodes and a Valkey of their own, ready.

    `durable`: Valkey keeps its data over a restart. `wired`: wires between members can be cut. Names in `environment`
    are those of settings. E-mails reach `post_office`.
    """
    async with post_office() as office, httpx.AsyncClient(timeout=REQUEST_SECONDS, limits=_LIMITS) as http:
        given = {
            "MONGODB_DATABASE": DATABASE,
            "LOG_FORMAT": "json",
            "SMTP_URL": f"smtp://127.0.0.1:{office.port}",
            "PUBLIC_URL": str(settings().public_url),  # this process makes the tokens of invitations itself
            "SECRET_KEY": settings().secret_key.get_secret_value(),
            "ACCESS_TOKEN_SECONDS": "86400",
            "DRAIN_SECONDS": "0",
            **(environment or {}),
        }
        deployment = Deployment(directory, nodes, durable=durable, wired=wired, environment=given)
        deployment.post_office = office
        try:
            await deployment._start_databases()
            async with AsyncMongoClient[dict[str, Any]](deployment.mongo.uri, timeoutMS=30_000) as client:
                deployment.database = client[given["MONGODB_DATABASE"]]
                if servers or workers:
                    await deployment._start_atrium(servers, workers, http)
                yield deployment
        finally:
            deployment.stop()


_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=None)


def _served(server: Server, address: int) -> Member:
    return Member(server.process, lambda _: asyncio.to_thread(server.wait), address)


async def _at_once(_: Member) -> None: ...


async def _works(worker: Member) -> None:
    await worker.says("worker.works")


def _serves(world: World) -> Any:
    return lambda _: ready(world.url, PATIENCE_SECONDS)


def _watches(operation: dict[str, Any]) -> bool:
    pipeline = operation.get("cursor", {}).get("originatingCommand", {}).get("pipeline", [])
    return any("$changeStream" in stage for stage in pipeline)


def _port(address: str) -> int:
    return int(address.rpartition(":")[2])


def _ports(member: Member) -> set[int]:
    """The local ports of its connections."""
    try:
        return {connection.laddr.port for connection in psutil.Process(member.pid).net_connections("tcp")}
    except psutil.Error:
        return set()
