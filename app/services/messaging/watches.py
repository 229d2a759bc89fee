"""Watches: the people whom somebody in this process follows are looked at once for all their followers."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import structlog
from bson import ObjectId

from app.core import signals
from app.core.tasks import cancelled, end
from app.services.messaging import connections, sightings
from app.services.messaging.sightings import Sighting

POLL = 15.0
"""Seconds between two looks at everybody who is followed: what was not signalled is noticed by then."""
PAUSE = 1.0
"""Seconds to wait after a look that failed."""

_log = structlog.stdlib.get_logger(__name__)
_watches: dict[ObjectId, "Watch"] = {}


class Follower:
    """An async iterator of sightings; a slow reader finds only the newest one of each person."""

    def __init__(self) -> None:
        self._new: dict[ObjectId, Sighting] = {}
        self._more = asyncio.Event()

    def tell(self, sighting: Sighting) -> None:
        self._new[sighting.user_id] = sighting
        self._more.set()

    def __aiter__(self) -> "Follower":
        return self

    async def __anext__(self) -> Sighting:
        await self._more.wait()
        sighting = self._new.pop(next(iter(self._new)))
        if not self._new:
            self._more.clear()
        return sighting


@asynccontextmanager
async def watching(organization_id: ObjectId, user_ids: Iterable[ObjectId]) -> AsyncIterator[Follower]:
    """A sighting of each of these people, then one for every change, for as long as the context is open."""
    ids, follower = frozenset(user_ids), Follower()
    watch = _watches.get(organization_id) or Watch(organization_id)
    _watches[organization_id] = watch
    watch.add(ids, follower)
    try:
        yield follower
    finally:
        watch.discard(ids, follower)
        if watch.idle and _watches.get(organization_id) is watch:
            del _watches[organization_id]
            await watch.stop()


class Watch:
    """Everybody of one organization who is followed in this process."""

    def __init__(self, organization_id: ObjectId) -> None:
        self._organization_id = organization_id
        self._followers: dict[ObjectId, set[Follower]] = {}
        self._known: dict[ObjectId, Sighting] = {}
        self._due: set[ObjectId] = set()
        self._wake = asyncio.Event()
        self._answered = 0.0
        """When Redis last told anything, by the loop's clock."""
        self._task = asyncio.create_task(self._run())

    @property
    def idle(self) -> bool:
        return not self._followers

    def add(self, user_ids: Iterable[ObjectId], follower: Follower) -> None:
        for id in user_ids:
            self._followers.setdefault(id, set()).add(follower)
            if known := self._known.get(id):
                follower.tell(known)
            else:
                self._look_soon(id)

    def discard(self, user_ids: Iterable[ObjectId], follower: Follower) -> None:
        for id in user_ids:
            self._followers[id].discard(follower)
            if not self._followers[id]:
                del self._followers[id]
                self._known.pop(id, None)

    async def stop(self) -> None:
        await end(self._task)

    async def _run(self) -> None:
        # Listening comes first: what changes after the first look is heard.
        async with signals.subscribe(connections.channel(self._organization_id)) as named:
            hearing = asyncio.create_task(self._hear(named))
            try:
                await self._look()
            finally:
                await end(hearing)

    async def _hear(self, named: AsyncIterator[str]) -> None:
        async for name in named:
            if (id := ObjectId(name)) in self._followers:
                self._look_soon(id)

    def _look_soon(self, id: ObjectId) -> None:
        self._due.add(id)
        self._wake.set()

    async def _look(self) -> None:
        loop = asyncio.get_running_loop()
        poll = loop.time() + POLL
        while not cancelled():
            with suppress(TimeoutError):
                async with asyncio.timeout_at(poll):
                    await self._wake.wait()
            if loop.time() >= poll:
                self._due.update(self._followers)
                poll = loop.time() + POLL
            self._wake.clear()
            ids, self._due = self._due, set()
            try:
                self._take_in(await sightings.look(self._organization_id, ids))
            except Exception as error:  # nothing may end the watch
                _log.warning("presence_not_read", error=repr(error))
                self._due |= ids
                self._wake.set()
                await asyncio.sleep(PAUSE)

    def _take_in(self, found: dict[ObjectId, Sighting]) -> None:
        """Keep and hand on what is new. What Redis said last is believed for a socket's life while it is silent."""
        moment = asyncio.get_running_loop().time()
        if any(sighting.status for sighting in found.values()):
            self._answered = moment
        for id, sighting in found.items():
            known = self._known.get(id)
            if sighting.status is None and known and moment - self._answered < connections.LIFE:
                sighting = replace(sighting, status=known.status)
            if sighting != known and id in self._followers:
                self._known[id] = sighting
                for follower in self._followers[id]:
                    follower.tell(sighting)
