"""What goes wrong. Each fault strikes, tells whom, and is over when what it struck works again."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping

from redis.asyncio import Redis
from redis.exceptions import RedisError

from tests.faults.deployment import Deployment
from tests.faults.members import PATIENCE_SECONDS, Member
from tests.world import until

FROZEN_SECONDS = 5
"""More than a lease lasts."""
PARTED_SECONDS = 8
"""More than an election takes."""

Fault = Callable[[Deployment, random.Random], Awaitable[str]]


async def kill_server(deployment: Deployment, chance: random.Random) -> str:
    return await _restart(chance.choice(deployment.servers))


async def kill_worker(deployment: Deployment, chance: random.Random) -> str:
    return await _restart(chance.choice(deployment.workers))


async def stop_worker(deployment: Deployment, chance: random.Random) -> str:
    return await _restart(chance.choice(deployment.workers), gently=True)


async def kill_leader(deployment: Deployment, chance: random.Random) -> str:
    struck = await _restart(await _leader(deployment, chance))
    await until(deployment.leader, PATIENCE_SECONDS)
    return struck


async def kill_valkey(deployment: Deployment, _: random.Random) -> str:
    return await _restart(deployment.valkey)


async def kill_pubsub(deployment: Deployment, _: random.Random) -> str:
    async with Redis.from_url(deployment.redis_url, socket_timeout=2) as client:
        try:
            return f"{await client.execute_command('CLIENT', 'KILL', 'TYPE', 'pubsub')} connections"
        except RedisError:
            return "nobody: Valkey was away"


async def freeze_server(deployment: Deployment, chance: random.Random) -> str:
    return await _freeze(chance.choice(deployment.servers))


async def freeze_worker(deployment: Deployment, chance: random.Random) -> str:
    return await _freeze(chance.choice(deployment.workers))


async def freeze_leader(deployment: Deployment, chance: random.Random) -> str:
    return await _freeze(await _leader(deployment, chance))


async def kill_primary(deployment: Deployment, _: random.Random) -> str:
    struck = await _restart(await deployment.primary())
    await deployment.mongo.elected()
    return struck


async def stop_primary(deployment: Deployment, _: random.Random) -> str:
    struck = await _restart(await deployment.primary(), gently=True)
    await deployment.mongo.elected()
    return struck


async def step_down(deployment: Deployment, _: random.Random) -> str:
    struck = await deployment.primary()
    await deployment.mongo.step_down()
    await deployment.mongo.elected()
    return str(struck)


async def freeze_primary(deployment: Deployment, _: random.Random) -> str:
    return await _freeze(await deployment.primary())


async def part_primary(deployment: Deployment, _: random.Random) -> str:
    """Cut it off from everybody."""
    return await _part(deployment, await deployment.primary())


async def part_nodes(deployment: Deployment, _: random.Random) -> str:
    """Cut the primary off from the other nodes only: its clients do not notice at once."""
    primary = await deployment.primary()
    return await _part(deployment, primary, *(node for node in deployment.nodes if node is not primary))


async def part_worker(deployment: Deployment, chance: random.Random) -> str:
    return await _part(deployment, chance.choice(deployment.workers))


FAULTS: Mapping[str, Fault] = {
    "server killed": kill_server,
    "leader killed": kill_leader,
    "Valkey killed": kill_valkey,
    "pub/sub killed": kill_pubsub,
    "server frozen": freeze_server,
    "leader frozen": freeze_leader,
    "worker killed": kill_worker,
    "worker stopped": stop_worker,
    "worker frozen": freeze_worker,
    "primary killed": kill_primary,
}
"""For every deployment."""

ELECTIONS: Mapping[str, Fault] = {
    "primary stopped": stop_primary,
    "primary stepped down": step_down,
    "primary frozen": freeze_primary,
}
"""For three nodes."""

PARTITIONS: Mapping[str, Fault] = {
    "primary cut off": part_primary,
    "primary cut off from nodes": part_nodes,
    "worker cut off": part_worker,
}
"""For three nodes with wires."""


async def _leader(deployment: Deployment, chance: random.Random) -> Member:
    """The worker that numbers events; any worker while none does."""
    found, other = await deployment.leader(), chance.choice(deployment.workers)
    return found or other


async def _restart(member: Member, *, gently: bool = False) -> str:
    await member.restart(gently=gently)
    return str(member)


async def _freeze(member: Member) -> str:
    await member.freeze(FROZEN_SECONDS)
    return str(member)


async def _part(deployment: Deployment, member: Member, *others: Member) -> str:
    async with deployment.parted(member, *others):
        await asyncio.sleep(PARTED_SECONDS)
    return str(member)
