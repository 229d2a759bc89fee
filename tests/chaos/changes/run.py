"""A chaos run: real processes on private servers, killed, frozen and cut off at random; then everything is compared."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from app.core import changes, database
from app.core.changes import log
from app.core.tasks import end
from app.dev.children import free_port
from tests.chaos.changes import business
from tests.chaos.changes.check import Result, check
from tests.chaos.changes.client import Client
from tests.faults import faults
from tests.faults.deployment import DATABASE, Deployment, deployed
from tests.faults.faults import ELECTIONS, PARTITIONS, Fault
from tests.faults.members import Member
from tests.faults.storms import Storm

START = 60.0
"""Seconds that the processes may take to begin."""
END = 60.0
"""Seconds within which every client must have heard everything, once the faults are over."""
PAIR = range(2)


@dataclass
class Cast:
    """Two processes of each role."""

    apis: list[Member]
    workers: list[Member]
    senders: list[Member]

    def faults(self) -> Mapping[str, Fault]:
        """What can happen to them; they are not Atrium's own programs, so that the bench does not know them."""

        def killed(members: Sequence[Member]) -> Fault:
            async def kill(_: Deployment, chance: Random) -> str:
                member = chance.choice(members)
                await member.restart()
                return str(member)

            return kill

        async def freeze(_: Deployment, chance: Random) -> str:
            member = chance.choice([*self.apis, *self.workers])
            await member.freeze(faults.FROZEN_SECONDS)
            return str(member)

        return {
            "api": killed(self.apis),
            "worker": killed(self.workers),
            "sender": killed(self.senders),
            "freeze": freeze,
        }


BASIC = ("api", "worker", "sender", "freeze", "valkey", "pubsub")
SERVERS: Mapping[str, Fault] = {
    "valkey": faults.kill_valkey,
    "pubsub": faults.kill_pubsub,
    "mongod": faults.kill_primary,
    **ELECTIONS,
    "nodes parted": PARTITIONS["primary cut off from nodes"],
    "primary cut off": PARTITIONS["primary cut off"],
}
ALL = (*BASIC, *(name for name in SERVERS if name not in BASIC))
"""For three nodes; one node can be killed, but not lose an election."""


async def run(
    directory: Path, *, seconds: float, seed: int, kinds: Sequence[str] = BASIC, clients: int = 50, nodes: int = 1
) -> tuple[Result, list[str]]:
    """Write and read for so long under these faults, let everybody finish, and say what is wrong then."""
    async with deployed(directory, nodes=nodes, wired=nodes > 1) as deployment:
        database.connect(deployment.mongo.uri, DATABASE, serverSelectionTimeoutMS=30_000)
        try:
            await business.prepare()
            result = await _run(deployment, Storm(seed, {}, pause=1), kinds, seconds, clients)
            return result, await check(result)
        finally:
            await database.close()


async def _run(deployment: Deployment, storm: Storm, kinds: Sequence[str], seconds: float, number: int) -> Result:
    ports = [free_port() for _ in PAIR]
    files = [deployment.directory / f"acknowledged{n}" for n in PAIR]
    cast = Cast(
        [await _start(deployment, f"api{n}", "api", str(ports[n])) for n in PAIR],
        [await _start(deployment, f"worker{n}", "worker") for n in PAIR],
        [await _start(deployment, f"sender{n}", "sender", str(files[n])) for n in PAIR],
    )
    async with asyncio.timeout(START):
        while not all(file.exists() for file in files):
            await asyncio.sleep(0.1)
    clients = [Client(n, ports, storm.seed) for n in range(number)]
    reading = [asyncio.create_task(client.run()) for client in clients]
    possible = {**cast.faults(), **SERVERS}
    storm.faults = {kind: possible[kind] for kind in kinds}
    over = time.monotonic() + seconds
    await storm.rage(deployment, lambda: time.monotonic() > over)
    for sender in cast.senders:
        sender.kill()
    result = Result(clients)
    result.faults.update(kind for kind, _ in storm.struck)
    for file in files:
        lines = (line.split() for line in file.read_text().splitlines())
        result.acknowledged.update({line[0]: float(line[1]) for line in lines if len(line) == 2})
    await changes.insert(business.Message(conversation=-1, text="the end"), business.ChaosEnded(business.ACTOR))
    try:
        async with asyncio.timeout(END):
            await asyncio.gather(*(client.ended.wait() for client in clients))
            await _consumed()
    except TimeoutError:
        pass  # `check` says who is missing what
    await end(*reading)
    return result


async def _consumed() -> None:
    """The worker's consumer has read all that there is."""
    head = await log.head()
    while not await database.collection(log.CONSUMERS).find_one({"_id": "jobs", "position": {"$gte": head}}):
        await asyncio.sleep(0.1)


async def _start(deployment: Deployment, name: str, role: str, *arguments: str) -> Member:
    command = [role, deployment.mongo.uri, DATABASE, deployment.redis_url, *arguments]
    return await deployment.start(name, "-m", "tests.chaos.changes.roles", *command)
