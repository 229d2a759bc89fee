"""Presence: whether people are here, for those who share an organization with them."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextvars import Context
from enum import StrEnum

from bson import ObjectId

from app.core import changes
from app.core.actor import Actor
from app.core.clock import now
from app.core.commands import Command
from app.core.errors import Invalid, NotFound
from app.core.rows import Names
from app.models import User
from app.services.messaging import connections, sightings
from app.services.messaging.connections import Connections, Status
from app.services.messaging.sightings import Presence, Sighting
from app.services.messaging.watches import watching

MAX_FOLLOWED = 200

_here = Connections()


class ChosenStatus(StrEnum):
    ONLINE = "online"
    AWAY = "away"


class PresenceChange(Command):
    """How one wants to be seen while this session has a socket."""

    status: ChosenStatus


async def opened(actor: Actor, connection_id: str) -> None:
    """Note that a socket of the actor's was opened in this process."""
    await _here.opened(actor, connection_id)
    await _note_seen(actor)


async def closed(actor: Actor, connection_id: str) -> None:
    """Note that the socket is closed; one that was never opened makes no difference."""
    await _here.closed(connection_id)
    await _note_seen(actor)


async def beat() -> None:
    """Keep what this process said of its sockets true; one task of every API process, until cancelled."""
    await _here.beat()


async def choose(actor: Actor, change: PresenceChange) -> Presence:
    """Be away in this session, or be back."""
    assert actor.user_id
    if not changes.rehearsing():
        await connections.set_away(actor, change.status is ChosenStatus.AWAY)
    return (await of(actor, [actor.user_id]))[actor.user_id]


async def of(actor: Actor, user_ids: Iterable[ObjectId], fields: Names | None = None) -> dict[ObjectId, Presence]:
    """The presence of each, as the actor may see it; everybody is offline while Redis is away."""
    if actor.organization_id is None:
        return {id: Sighting(id).shown_to(actor.user_id) for id in user_ids}
    found = await sightings.look(actor.organization_id, user_ids)
    return {id: sighting.shown_to(actor.user_id) for id, sighting in found.items()}


async def is_online(organization_id: ObjectId, user_id: ObjectId) -> bool:
    """Whether a person is in front of a screen now, whatever others may see; not known means no."""
    statuses = await connections.statuses(organization_id, [user_id]) or {}
    return statuses.get(user_id) is Status.ONLINE


async def follow(actor: Actor, user_ids: Sequence[ObjectId]) -> AsyncGenerator[Presence, None]:
    """The presence of each of these people, then every change of it that the actor may see.

    Raises Invalid for too many, NotFound for somebody who is not known in the organization.
    """
    assert actor.organization_id
    if not 1 <= len(user_ids) <= MAX_FOLLOWED:
        raise Invalid("Name 1 to {limit} people.", path=["userIds"], limit=MAX_FOLLOWED)
    known = await User.by_ids(actor, user_ids, frozenset())
    for index, id in enumerate(user_ids):
        if id not in known:
            raise NotFound("There is no such {kind}.", kind="User", path=["userIds", str(index)])
    shown: dict[ObjectId, Presence] = {}
    async with watching(actor.organization_id, user_ids) as seen:
        async for sighting in seen:
            presence = sighting.shown_to(actor.user_id)
            if presence != shown.get(presence.user_id):
                shown[presence.user_id] = presence
                yield presence


class _Seen:
    """Group commit: who is seen while a command travels goes in the next one, so that a crowd is one command or two."""

    def __init__(self) -> None:
        self._ids: set[ObjectId] = set()
        self._next: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()

    async def note(self, user_id: ObjectId) -> None:
        self._ids.add(user_id)
        if self._next is None:
            # An empty context: the task serves many callers, and must not carry one caller's scope or log context.
            self._next = asyncio.get_running_loop().create_task(self._write(), context=Context())
        await asyncio.shield(self._next)

    async def _write(self) -> None:
        async with self._turn:
            ids, self._ids, self._next = list(self._ids), set(), None
            await changes.change_all(User, {"_id": {"$in": ids}}, {"$max": {"last_seen_at": now()}})


_seen = _Seen()


async def _note_seen(actor: Actor) -> None:
    if actor.user_id:
        await _seen.note(actor.user_id)
