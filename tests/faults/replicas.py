"""MongoDB as a replica set of three nodes on this machine, tuned to elect quickly."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError

from app.dev.embedded import REPLICA_SET, MongoNode
from tests.faults.ports import quiet_port
from tests.faults.wires import Wires
from tests.world import until

SETTINGS = {"electionTimeoutMillis": 2_000, "heartbeatIntervalMillis": 500}
ELECTION_SECONDS = 60
"""Within which there has to be a primary again, however busy the machine."""


class ReplicaNode(MongoNode):
    """One of the nodes; others reach it by `address`, which leads through a wire if there are wires."""

    parameters = {**MongoNode.parameters, "enableTestCommands": "1"}

    def __init__(self, directory: Path, wires: Wires | None) -> None:
        super().__init__(directory, quiet_port())
        self.process.name = directory.name
        self.address = wires.before(self.port) if wires else self.port

    async def ask(self, command: str, value: Any = 1, *, timeout_ms: int = 3_000, **arguments: Any) -> dict[str, Any]:
        """What this very node answers, wires or not. Raises PyMongoError."""
        uri = f"mongodb://127.0.0.1:{self.port}/?directConnection=true"
        async with AsyncMongoClient[dict[str, Any]](uri, timeoutMS=timeout_ms) as client:
            return await client.admin.command(command, value, **arguments)


class ReplicaSet:
    """The nodes, started and initiated by `start`."""

    def __init__(self, directory: Path, size: int = 3, wires: Wires | None = None) -> None:
        self.nodes: Sequence[ReplicaNode] = [ReplicaNode(directory / f"mongod-{n}", wires) for n in range(size)]

    @property
    def uri(self) -> str:
        addresses = ",".join(f"127.0.0.1:{node.address}" for node in self.nodes)
        return f"mongodb://{addresses}/?replicaSet={REPLICA_SET}"

    async def start(self) -> None:
        for node in self.nodes:
            node.launch()
        for node in self.nodes:
            await asyncio.to_thread(node.wait)
        members = [{"_id": n, "host": f"127.0.0.1:{node.address}"} for n, node in enumerate(self.nodes)]
        config = {"_id": REPLICA_SET, "members": members, "settings": SETTINGS}
        await self.nodes[0].ask("replSetInitiate", config, timeout_ms=30_000)
        await until(self.whole, ELECTION_SECONDS)

    async def primary(self) -> ReplicaNode | None:
        """The node that can be written to, by the newest election; None while there is none that answers."""
        terms = await asyncio.gather(*map(_term, self.nodes))
        newest = max(terms)
        return self.nodes[terms.index(newest)] if newest else None

    async def elected(self) -> ReplicaNode:
        """The primary, as soon as there is one."""
        node: ReplicaNode = await until(self.primary, ELECTION_SECONDS)
        return node

    async def succeeded(self, former: ReplicaNode) -> ReplicaNode:
        """The next primary, as soon as it is another node than the former."""

        async def other() -> ReplicaNode | None:
            node = await self.primary()
            return None if node is former else node

        node: ReplicaNode = await until(other, ELECTION_SECONDS)
        return node

    @asynccontextmanager
    async def slow(self, seconds: float, *commands: str) -> AsyncIterator[None]:
        """Let the primary take so long for each of these commands of Atrium's own processes."""
        data = {"failCommands": commands, "appName": "atrium", "blockConnection": True, "blockTimeMS": seconds * 1000}
        node = await self.elected()
        await node.ask("configureFailPoint", "failCommand", timeout_ms=10_000, mode="alwaysOn", data=data)
        try:
            yield
        finally:
            await node.ask("configureFailPoint", "failCommand", timeout_ms=10_000, mode="off")

    async def step_down(self, seconds: int = 10) -> None:
        """Ask the primary to make way, and not to come back for so long."""
        with suppress(PyMongoError):  # it closes connections
            await (await self.elected()).ask(
                "replSetStepDown", seconds, timeout_ms=10_000, secondaryCatchUpPeriodSecs=min(5, seconds - 1)
            )

    async def whole(self) -> bool:
        """Whether every node is primary or secondary, and one of them primary."""
        node = await self.primary()
        if node is None:
            return False
        try:
            states = [member["stateStr"] for member in (await node.ask("replSetGetStatus"))["members"]]
        except PyMongoError:
            return False
        return sorted(states) == ["PRIMARY", *["SECONDARY"] * (len(self.nodes) - 1)]


async def _term(node: ReplicaNode) -> int:
    """The number of the election that made it primary; 0 of one that is not."""
    try:
        hello = await node.ask("hello")
    except PyMongoError:
        return 0
    return int.from_bytes(hello["electionId"].binary[-4:], "big") if hello.get("isWritablePrimary") else 0
