"""The live sockets of people, across all processes: in Redis, one sorted set for each person in an organization.

Its members are `<session>:<socket>`, and `away:<session>` for a session whose person said that they are away; the score
of each is the moment, in seconds since the epoch, at which it counts no more. Every process moves the scores of its own
sockets on; those of a process that was killed run out.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from bson import ObjectId
from redis.asyncio import Redis

from app.core import clock, signals
from app.core.actor import Actor

LIFE = 60.0
"""Seconds for which a socket counts after its process last said that it lives."""
BEAT = 20.0
"""Seconds between two times at which a process says so."""
GRACE = 5.0
"""Seconds for which a closed socket still counts, so that nobody flickers who only reconnects."""
BATCH = 250
"""People that one round trip to Redis is about; more would make it slow for everybody else."""


class Status(StrEnum):
    ONLINE = "online"
    AWAY = "away"
    OFFLINE = "offline"


@dataclass(frozen=True, slots=True)
class Socket:
    """One socket of a session of a person in an organization."""

    organization_id: ObjectId
    user_id: ObjectId
    session: str
    id: str

    @property
    def key(self) -> str:
        return _key(self.organization_id, self.user_id)

    @property
    def name(self) -> str:
        return f"{self.session}:{self.id}"


class Connections:
    """The sockets of one process."""

    def __init__(self) -> None:
        self._sockets: dict[str, Socket] = {}
        self._leaving: set[asyncio.Task[None]] = set()

    async def opened(self, actor: Actor, id: str) -> None:
        """Count a socket. One of nobody, or of somebody in no organization, is not counted."""
        if actor.organization_id and actor.user_id:
            socket = Socket(actor.organization_id, actor.user_id, str(actor.session_id), id)
            self._sockets[id] = socket
            await self._say_alive([socket])
            await announce(socket.organization_id, socket.user_id)

    async def closed(self, id: str) -> None:
        """Count a socket no more, after GRACE."""
        socket = self._sockets.pop(id, None)
        if socket is not None:
            ends = clock.source() + GRACE
            await signals.attempt(lambda redis: redis.zadd(socket.key, {socket.name: ends}, xx=True))
            task = asyncio.create_task(self._leave(socket))
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)

    async def beat(self) -> None:
        """Keep the sockets of this process alive until cancelled."""
        try:
            while True:
                await asyncio.sleep(BEAT)
                sockets = list(self._sockets.values())
                for start in range(0, len(sockets), BATCH):
                    batch = sockets[start : start + BATCH]
                    for socket in await self._say_alive(batch):
                        await announce(socket.organization_id, socket.user_id)
        finally:
            for task in self._leaving:
                task.cancel()

    async def _say_alive(self, sockets: list[Socket]) -> list[Socket]:
        """Move the scores on. Answers the sockets that Redis did not know (any more)."""
        moment = clock.source()

        async def move(redis: Redis) -> list[int]:
            pipeline = redis.pipeline(transaction=False)
            for socket in sockets:
                pipeline.zadd(socket.key, {socket.name: moment + LIFE})
                pipeline.zadd(socket.key, {_away(socket.session): moment + LIFE}, xx=True)
                pipeline.zremrangebyscore(socket.key, "-inf", moment)
                pipeline.pexpire(socket.key, int(LIFE * 1000))
            return [int(added) for added in (await pipeline.execute())[::4]]

        added = await signals.attempt(move)
        return [socket for socket, new in zip(sockets, added or [], strict=False) if new]

    async def _leave(self, socket: Socket) -> None:
        await asyncio.sleep(GRACE)
        await signals.attempt(lambda redis: redis.zrem(socket.key, socket.name))
        await announce(socket.organization_id, socket.user_id)


async def set_away(actor: Actor, away: bool) -> None:
    """Say whether the person of a session is away from it. It holds while the session has sockets, and LIFE longer."""
    assert actor.organization_id
    assert actor.user_id
    key, member, ends = _key(actor.organization_id, actor.user_id), _away(str(actor.session_id)), clock.source() + LIFE

    async def say(redis: Redis) -> None:
        pipeline = redis.pipeline(transaction=False)
        if away:
            pipeline.zadd(key, {member: ends})
            pipeline.pexpire(key, int(LIFE * 1000))
        else:
            pipeline.zrem(key, member)
        await pipeline.execute()

    await signals.attempt(say)
    await announce(actor.organization_id, actor.user_id)


async def statuses(organization_id: ObjectId, user_ids: Iterable[ObjectId]) -> Mapping[ObjectId, Status] | None:
    """Who is here: a person is away when they are away from every session that has a socket. None without Redis."""
    ids, found = list(user_ids), dict[ObjectId, Status]()
    for start in range(0, len(ids), BATCH):
        some = ids[start : start + BATCH]
        members = await _live(organization_id, some)
        if members is None:
            return None
        found.update(zip(some, map(_status, members), strict=True))
    return found


async def announce(organization_id: ObjectId, user_id: ObjectId) -> None:
    """Signal that somebody's status may have changed."""
    await signals.publish(channel(organization_id), str(user_id))


def channel(organization_id: ObjectId) -> str:
    """The channel of the signals that name a person whose status may have changed."""
    return f"presence:{organization_id}"


async def _live(organization_id: ObjectId, user_ids: list[ObjectId]) -> list[list[bytes]] | None:
    """The members of each person's set that count now."""
    moment = clock.source()

    async def read(redis: Redis) -> list[list[bytes]]:
        pipeline = redis.pipeline(transaction=False)
        for id in user_ids:
            pipeline.zrangebyscore(_key(organization_id, id), f"({moment}", "+inf")
        answers: list[list[bytes]] = await pipeline.execute()
        return answers

    return await signals.attempt(read)


def _status(members: list[bytes]) -> Status:
    names = [member.decode().split(":") for member in members]
    left = {session for mark, session in names if mark == "away"}
    sessions = {session for session, _ in names if session != "away"}
    if not sessions:
        return Status.OFFLINE
    return Status.AWAY if sessions <= left else Status.ONLINE


def _key(organization_id: ObjectId, user_id: ObjectId) -> str:
    return f"presence:{organization_id}:{user_id}"


def _away(session: str) -> str:
    return f"away:{session}"
