"""A chaos run: real processes on private servers, killed, frozen and cut off at random; then everything is compared."""

import asyncio
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import redis

from app.core import changes, database
from app.core.tasks import end
from app.dev.children import free_port
from app.dev.embedded import EmbeddedMongo, EmbeddedValkey
from tests.chaos.changes import business
from tests.chaos.changes.check import Result, check
from tests.chaos.changes.client import Client

ROOT = Path(__file__).parents[3]
START = 60.0
"""Seconds that the processes may take to begin."""
FREEZE = 5.0
"""Seconds: longer than a lease."""
FAULTS = ("api", "worker", "sender", "valkey", "pubsub", "freeze")


class Processes:
    """The processes of a run by their names, each of which can be killed and started again."""

    def __init__(self, directory: Path, mongo: EmbeddedMongo, valkey: EmbeddedValkey, name: str) -> None:
        self.directory = directory
        self._servers = [mongo.uri, name, valkey.url]
        settings = {"MONGODB_URI": mongo.uri, "REDIS_URL": valkey.url, "SECRET_KEY": "for-chaos-runs-only-" * 2}
        self._environment = {**os.environ, **settings}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._arguments: dict[str, list[str]] = {}

    def start(self, name: str, role: str, *arguments: str) -> None:
        self._arguments[name] = [role, *self._servers, *arguments]
        self._launch(name)

    def _launch(self, name: str) -> None:
        with (self.directory / f"{name}.log").open("ab") as output:
            command = [sys.executable, "-m", "tests.chaos.changes.roles", *self._arguments[name]]
            self._running[name] = subprocess.Popen(
                command, cwd=ROOT, env=self._environment, stdout=output, stderr=subprocess.STDOUT
            )

    def kill(self, name: str) -> None:
        self._running[name].kill()
        self._running[name].wait()

    def restart(self, name: str) -> None:
        self.kill(name)
        self._launch(name)

    def signal(self, name: str, number: signal.Signals) -> None:
        self._running[name].send_signal(number)

    def kill_all(self) -> None:
        for name in self._running:
            self.kill(name)


async def run(
    directory: Path, *, seconds: float, seed: int, clients: int = 50, mongod: bool = False
) -> tuple[Result, list[str]]:
    """Write and read for so long under faults, let everybody finish, and say what is wrong then.

    `mongod`: the database is killed, too.
    """
    with EmbeddedMongo(directory / "mongodb") as mongo, EmbeddedValkey(directory / "valkey") as valkey:
        database.connect(mongo.uri, "chaos", serverSelectionTimeoutMS=30_000)
        await business.prepare()
        processes = Processes(directory, mongo, valkey, "chaos")
        try:
            result = await _run(processes, mongo if mongod else None, valkey, seconds, seed, clients)
            return result, await check(result)
        finally:
            processes.kill_all()
            await database.close()


async def _run(
    processes: Processes,
    mongo: EmbeddedMongo | None,
    valkey: EmbeddedValkey,
    seconds: float,
    seed: int,
    number: int,
) -> Result:
    chance = random.Random(seed)
    ports = [free_port(), free_port()]
    files = []
    for n, port in enumerate(ports):
        processes.start(f"api{n}", "api", str(port))
        processes.start(f"worker{n}", "worker")
        files.append(processes.directory / f"acknowledged{n}")
        processes.start(f"sender{n}", "sender", str(files[n]))
    async with asyncio.timeout(START):
        while not all(file.exists() for file in files):
            await asyncio.sleep(0.1)
    clients = [Client(n, ports, seed) for n in range(number)]
    reading = [asyncio.create_task(client.run()) for client in clients]
    result = Result(clients)
    kinds = [*FAULTS, "mongod"] if mongo else list(FAULTS)
    try:
        async with asyncio.timeout(seconds):
            while True:
                await asyncio.sleep(chance.uniform(0.3, 2))
                kind = chance.choice(kinds)
                result.faults[kind] += 1
                await _break(kind, str(chance.randrange(2)), processes, mongo, valkey)
    except TimeoutError:
        pass
    for n in range(2):
        processes.signal(f"worker{n}", signal.SIGCONT)
        processes.kill(f"sender{n}")
    for file in files:
        lines = (line.split() for line in file.read_text().splitlines())
        result.acknowledged.update({line[0]: float(line[1]) for line in lines if len(line) == 2})
    await changes.insert(business.Message(conversation=-1, text="the end"), business.ChaosEnded(business.ACTOR))
    try:
        async with asyncio.timeout(60):
            await asyncio.gather(*(client.ended.wait() for client in clients))
    except TimeoutError:
        pass  # `check` says who is missing what
    await end(*reading)
    return result


async def _break(
    kind: str, which: str, processes: Processes, mongo: EmbeddedMongo | None, valkey: EmbeddedValkey
) -> None:
    if kind in ("api", "worker", "sender"):
        processes.restart(kind + which)
    elif kind == "freeze":
        name = ("worker" if which == "0" else "api") + which
        processes.signal(name, signal.SIGSTOP)
        try:
            await asyncio.sleep(FREEZE)
        finally:
            processes.signal(name, signal.SIGCONT)
    elif kind == "pubsub":
        with redis.Redis(port=valkey.port) as client:
            client.client_kill_filter(_type="pubsub")
    elif kind == "valkey":
        await _kill_server(valkey)
    elif mongo:
        await _kill_server(mongo)


async def _kill_server(server: EmbeddedMongo | EmbeddedValkey) -> None:
    server.process.kill()
    await asyncio.sleep(0.5)
    await asyncio.to_thread(server.start)
