"""What goes wrong. Each fault strikes, tells whom, and is over when what it struck works again."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import psutil
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.dev.children import Child
from tests.chaos.conversations.clients import Listener, Sender
from tests.chaos.conversations.deployment import Deployment
from tests.world import ready, until

FROZEN_SECONDS = 5
"""More than a lease lasts."""
PATIENCE_SECONDS = 60
"""Within which what was killed must work again, however busy the machine."""


@dataclass(frozen=True)
class Scene:
    """What can be struck, and the chance that chooses."""

    deployment: Deployment
    clients: Sequence[tuple[Sender, Listener]]
    chance: random.Random


async def reset_clients(scene: Scene) -> str:
    struck = scene.chance.sample(scene.clients, len(scene.clients) // 2)
    for sender, listener in struck:
        sender.cut()
        listener.cut()
    return f"{len(struck)} clients"


async def kill_server(scene: Scene) -> str:
    number = scene.chance.randrange(len(scene.deployment.servers))
    struck = _restart(scene.deployment.servers[number])
    await ready(scene.deployment.worlds[number].url, PATIENCE_SECONDS)
    return struck


async def kill_leader(scene: Scene) -> str:
    struck = _restart(await _leader(scene))
    await until(scene.deployment.leader, PATIENCE_SECONDS)
    return struck


async def kill_valkey(scene: Scene) -> str:
    await scene.deployment.restart(scene.deployment.valkey)
    return "it came back empty"


async def kill_pubsub(scene: Scene) -> str:
    async with Redis.from_url(scene.deployment.valkey.url, socket_timeout=2) as client:
        try:
            return f"{await client.execute_command('CLIENT', 'KILL', 'TYPE', 'pubsub')} connections"
        except RedisError:
            return "nobody: Valkey was away"


async def kill_mongod(scene: Scene) -> str:
    await scene.deployment.restart(scene.deployment.mongo)
    return "it came back"


async def freeze_server(scene: Scene) -> str:
    return await _freeze(scene.chance.choice(scene.deployment.servers))


async def freeze_leader(scene: Scene) -> str:
    return await _freeze(await _leader(scene))


FAULTS: Mapping[str, Callable[[Scene], Awaitable[str]]] = {
    "clients reset": reset_clients,
    "server killed": kill_server,
    "leader killed": kill_leader,
    "Valkey killed": kill_valkey,
    "pub/sub killed": kill_pubsub,
    "server frozen": freeze_server,
    "leader frozen": freeze_leader,
    "MongoDB killed": kill_mongod,
}


async def _leader(scene: Scene) -> Child:
    """The worker that numbers events; any worker while none does."""
    found, other = await scene.deployment.leader(), scene.chance.choice(scene.deployment.workers)
    return found or other


def _restart(child: Child) -> str:
    child.kill()
    child.start()
    return child.name


async def _freeze(child: Child) -> str:
    """SIGSTOP, and SIGCONT later, unless it was killed meanwhile."""
    process = psutil.Process(child.pid)
    process.suspend()
    try:
        await asyncio.sleep(FROZEN_SECONDS)
    finally:
        with suppress(psutil.NoSuchProcess):
            process.resume()
    return child.name
