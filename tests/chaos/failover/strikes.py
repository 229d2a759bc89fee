"""R20: the ways in which MongoDB loses its primary. Each strikes, and waits until another node leads."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from tests.faults.deployment import Deployment
from tests.faults.members import Member
from tests.faults.replicas import ReplicaNode


@dataclass(frozen=True)
class Strike:
    """`bound` is how many seconds nobody may get an acknowledgement for; measured on a quiet machine."""

    do: Callable[[Deployment, Member, ReplicaNode, float], Awaitable[None]]
    bound: float


async def kill(deployment: Deployment, struck: Member, former: ReplicaNode, seconds: float) -> None:
    struck.kill()
    await deployment.mongo.succeeded(former)
    await struck.start()


async def step_down(deployment: Deployment, struck: Member, former: ReplicaNode, seconds: float) -> None:
    await deployment.mongo.step_down()
    await deployment.mongo.succeeded(former)


async def terminate(deployment: Deployment, struck: Member, former: ReplicaNode, seconds: float) -> None:
    stopping = asyncio.create_task(struck.terminate())
    await deployment.mongo.succeeded(former)
    await stopping
    await struck.start()


async def freeze(deployment: Deployment, struck: Member, former: ReplicaNode, seconds: float) -> None:
    async with struck.frozen():
        await _hold(deployment, former, seconds)


async def part(deployment: Deployment, struck: Member, former: ReplicaNode, seconds: float) -> None:
    async with deployment.parted(struck):
        await _hold(deployment, former, seconds)


async def part_from_nodes(deployment: Deployment, struck: Member, former: ReplicaNode, seconds: float) -> None:
    """Clients and workers still reach it, and it cannot know at once that it leads nobody."""
    others = [node for node in deployment.nodes if node is not struck]
    async with deployment.parted(struck, *others):
        await _hold(deployment, former, seconds)


async def _hold(deployment: Deployment, former: ReplicaNode, seconds: float) -> None:
    """Until another node leads, and for so long in all: the former must still be away then."""
    begun = time.monotonic()
    await deployment.mongo.succeeded(former)
    await asyncio.sleep(begun + seconds - time.monotonic())


STRIKES: Mapping[str, Strike] = {
    "kill -9": Strike(kill, 5),
    "stepDown": Strike(step_down, 2),
    "SIGTERM": Strike(terminate, 2),
    "SIGSTOP": Strike(freeze, 15),
    "cut off": Strike(part, 15),
    "cut off from nodes": Strike(part_from_nodes, 15),
}
