"""All of Atrium as processes that die and come back: servers, workers, MongoDB, and Valkey without persistence."""

import asyncio
import random
import socket
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError

from app.core.settings import settings
from app.dev.children import Child
from app.dev.embedded import EmbeddedMongo, EmbeddedValkey, Server
from tests.postoffice import post_office
from tests.world import Processes, World, ready

DATABASE = "atrium_chaos"
REQUEST_SECONDS = 3
"""How long clients wait for an answer; a frozen process is silent for longer."""
START_SECONDS = 60


class Deployment:
    """The processes, by what they are, and the servers' addresses as clients use them."""

    def __init__(self, mongo: EmbeddedMongo, valkey: EmbeddedValkey, database: AsyncDatabase[dict[str, Any]]) -> None:
        self.mongo, self.valkey, self.database = mongo, valkey, database
        self.servers: list[Child] = []
        self.workers: list[Child] = []
        self.worlds: list[World] = []
        self._restarting = {mongo.name: asyncio.Lock(), valkey.name: asyncio.Lock()}

    async def restart(self, server: Server) -> None:
        """Kill MongoDB or Valkey and start it on the same port; returns when it can be used again."""
        async with self._restarting[server.name]:
            server.process.kill()
            server.launch()
            await asyncio.to_thread(server.wait)

    async def leader(self) -> Child | None:
        """The worker that numbers events: nobody else has a change stream open. None while there is no such worker."""
        try:
            async with await self.database.client.admin.aggregate([{"$currentOp": {}}]) as operations:
                ports = {_port(operation["client"]) async for operation in operations if _watches(operation)}
        except PyMongoError:
            return None
        return next((worker for worker in self.workers if ports & _ports(worker)), None)

    def ended(self) -> list[str]:
        """The processes that are gone though nobody killed them."""
        children = [*self.servers, *self.workers, self.mongo.process, self.valkey.process]
        return [f"{child.name} ended with {child.exit_status}" for child in children if not child.running]


@asynccontextmanager
async def deployed(directory: Path, servers: int, workers: int) -> AsyncIterator[Deployment]:
    """So many servers and workers on a MongoDB and a Valkey of their own, ready; e-mails go nowhere."""
    mongo = EmbeddedMongo(directory / "mongodb", _quiet_port())
    valkey = EmbeddedValkey(directory / "valkey", _quiet_port())
    async with post_office() as office, AsyncMongoClient[dict[str, Any]](mongo.uri, timeoutMS=10_000) as client:
        deployment = Deployment(mongo, valkey, client[DATABASE])
        processes = Processes(
            directory,
            DATABASE,
            MONGODB_URI=mongo.uri,
            REDIS_URL=valkey.url,
            SMTP_URL=f"smtp://127.0.0.1:{office.port}",
            PUBLIC_URL=str(settings().public_url),  # this process makes the tokens of invitations itself
            SECRET_KEY=settings().secret_key.get_secret_value(),
            ACCESS_TOKEN_SECONDS="3600",
            DRAIN_SECONDS="0",
        )
        try:
            valkey.launch()
            mongo.start()
            valkey.wait()
            processes.run("migrate")
            ports = [_quiet_port() for _ in range(servers)]
            for number in range(workers):
                deployment.workers.append(processes.start(f"worker-{number}", "worker"))
            for number, port in enumerate(ports):
                deployment.servers.append(processes.start(f"server-{number}", "serve", "--port", str(port)))
            async with httpx.AsyncClient(timeout=REQUEST_SECONDS) as http:
                deployment.worlds += [World(f"http://127.0.0.1:{port}", http) for port in ports]
                for world in deployment.worlds:
                    await ready(world.url, START_SECONDS)
                yield deployment
        finally:
            _stop([*deployment.servers, *deployment.workers])
            _stop([valkey.process, mongo.process])


def _stop(children: Iterable[Child]) -> None:
    for child in children:
        child.terminate()
    for child in children:
        child.stop()


def _quiet_port() -> int:
    """A free port below those that outgoing connections get, so that none takes it while its server is down."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def _watches(operation: dict[str, Any]) -> bool:
    pipeline = operation.get("cursor", {}).get("originatingCommand", {}).get("pipeline", [])
    return any("$changeStream" in stage for stage in pipeline)


def _port(address: str) -> int:
    return int(address.rpartition(":")[2])


def _ports(child: Child) -> set[int]:
    """The local ports of its connections."""
    try:
        return {connection.laddr.port for connection in psutil.Process(child.pid).net_connections("tcp")}
    except psutil.Error:
        return set()
