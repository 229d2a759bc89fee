"""From events to jobs: the handler of the consumer that accepts them, and what is kept for workers yet to come.

    unread  {_id: position, e, t, o, a, d, at}

In a rolling release an old worker may read an event whose type only the new release knows. It keeps it there, and the
first worker that knows the type takes it up. Of an event that it knows it cannot make the jobs that are new: see
`newcomers`.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from pymongo import ReplaceOne
from pymongo.errors import PyMongoError

from app.core import database, metrics
from app.core.changes import log
from app.core.changes.events import Event
from app.core.changes.log import Change
from app.core.database import Document
from app.core.jobs import newcomers
from app.core.jobs.declaration import JobType
from app.core.jobs.making import new_row, put
from app.core.jobs.queue import MAX_ERROR, State
from app.core.logs import redact
from app.core.tasks import cancelled

UNREAD = "unread"
SWEEP = 2.0
"""Seconds between two looks for unread events that this process can read."""
_LIMIT = 500

Announce = Callable[[Iterable[str]], Awaitable[None]]
"""Tells runners of these queues that there is something to do; nothing depends on its being heard."""

_log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Unread:
    """What waits for a release that can read it; `since` is when the first of it was numbered."""

    count: int
    since: datetime | None


class Acceptance:
    """Makes the jobs that a page of the log causes, each once however often the page comes."""

    def __init__(self, types: Iterable[JobType[Any]], announce: Announce) -> None:
        """Raises ValueError for two jobs of one name."""
        self._by_event: dict[str, list[JobType[Any]]] = defaultdict(list)
        self._announce = announce
        self._types: dict[str, JobType[Any]] = {}
        for kind in types:
            if kind.type in self._types:
                raise ValueError(f"two jobs are named {kind.name}")
            self._types[kind.type] = kind
            if kind.event:
                self._by_event[kind.event].append(kind)

    async def begin(self, mine: Document, position: int) -> None:
        """What the consumer does when it begins to read."""
        await newcomers.begin(mine, position, self._types)

    async def accept(self, changes: Sequence[Change]) -> None:
        """The consumer's handler."""
        known = set(Event.known_types())
        if unread := [change for change in changes if change.type not in known]:
            kept = [ReplaceOne({"_id": change.position}, _kept(change), upsert=True) for change in unread]
            await database.collection(UNREAD).bulk_write(kept, ordered=False)
            _log.warning("events_unread", count=len(unread), types=sorted({change.type for change in unread}))
        await self._put([_made(kind, change) for change in changes for kind in self._by_event.get(change.type, ())])

    async def _put(self, rows: Sequence[Document]) -> None:
        if queues := await put(rows):
            await self._announce(queues)

    async def sweep(self) -> None:
        """Take up, for ever, what workers of an older release could not read, and what they left out."""
        while not cancelled():
            try:
                while await self._take_up() == _LIMIT:
                    pass
                while await self._make_up():
                    pass
                metrics.UNREAD_EVENTS.set((await unread()).count)
            except PyMongoError as error:
                _log.warning("unread_not_swept", error=repr(error)[:500])
            await asyncio.sleep(SWEEP)

    async def _take_up(self) -> int:
        unread = database.collection(UNREAD)
        where = {"t": {"$in": Event.known_types()}}
        rows = await unread.find(where, sort=[("_id", 1)], limit=_LIMIT).to_list()
        if rows:
            await self.accept([Change.of({**row, "s": []}) for row in rows])
            await unread.delete_many({"_id": {"$in": [row["_id"] for row in rows]}})
        return len(rows)

    async def _make_up(self) -> bool:
        """Make the next of the jobs that were left out; answers whether there may be more."""
        more = False
        for stretch in await newcomers.left_out(self._types):
            kind = self._types[stretch.type]
            where = {"t": kind.event, "_id": {"$gt": stretch.after, "$lte": stretch.until}}
            changes = await log.read(where, _LIMIT)
            await self._put([_made(kind, change) for change in changes])
            whole = len(changes) < _LIMIT
            await newcomers.made(stretch, stretch.until if whole else changes[-1].position)
            more |= not whole
        return more


async def prepare() -> None:
    """Create the index. May be run again, by many processes at once."""
    await database.collection(UNREAD).create_index("t")


async def unread() -> Unread:
    """The events that no worker could read yet."""
    kept = database.collection(UNREAD)
    first = await kept.find_one({}, {"at": 1}, sort=[("_id", 1)])
    return Unread(await kept.estimated_document_count(), first["at"]) if first else Unread(0, None)


def _kept(change: Change) -> Document:
    return {**_event(change), "at": change.at}


def _event(change: Change) -> Document:
    organization, data = change.organization_id, dict(change.data)
    return {"e": change.id, "t": change.type, "o": organization, "a": change.actor, "d": data}


def _made(kind: JobType[Any], change: Change) -> Document:
    about = {"organization_id": change.organization_id, "event": _event(change)}
    try:
        event = change.event
        return {**new_row(kind, kind.key(event), kind.due(event) if kind.due else None), **about}
    except Exception as error:  # it must not stand in the way of all that come after it
        _log.exception("job_unreadable", job=kind.name, type=change.type, position=change.position)
        dead = {"state": State.DEAD.value, "last_error": redact(repr(error))[:MAX_ERROR]}
        return {**new_row(kind, str(change.id)), **about, **dead}
