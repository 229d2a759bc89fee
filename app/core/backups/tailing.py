"""The tail: follows the oplog for ever and stores it in segments, so that a restore can reach any moment.

It keeps no position of its own: the newest segment tells where the next begins, whatever killed it and when.
"""

import asyncio
import time
from collections.abc import Sequence

import structlog
from bson import Timestamp
from pymongo.asynchronous.database import AsyncDatabase

from app.core import leases
from app.core.backups.archive import Archive
from app.core.backups.dumping import dump
from app.core.backups.errors import permitted
from app.core.backups.manifest import finished, snapshot_of
from app.core.backups.oplog import Entry, entries, newest, partial, renewal, wall
from app.core.backups.origin import OtherOrigin, check_origin, replica_set
from app.core.backups.progress import silently
from app.core.backups.segments import Position, Run, Segment, latest_run, listed
from app.core.changes.log import operation_time
from app.core.clock import source
from app.core.database import Document, collection
from app.core.tasks import cancelled

BACKUPS = "backups"
"""The collection: {_id: "tail", owner, until}, the lease of the one that follows; {_id: "restored", at}."""
_RESTORED = "restored"
EVERY = 15.0
"""Seconds between segments: what a lost database can take with it, besides the time that storing takes."""
IDLE = 300
"""Seconds of the oplog in which nothing but leases changed, after which a segment is stored all the same."""
SEGMENT_BYTES = 16 << 20
"""A segment that reaches this size ends with the transaction at hand."""
RETRY = 60.0
PAUSE = 1.0
_MAX_PAUSE = 30.0

_log = structlog.stdlib.get_logger(__name__)


class OplogOverran(Exception):
    """The oplog does not hold the entry at which the newest segment ends: no more, or the server was set back."""


class Tail:
    """Run one in every worker; one of them follows at any time."""

    def __init__(self, archive: Archive) -> None:
        self._archive, self._me = archive, leases.new_owner()
        self._start: Timestamp | None = None
        """Where the present run of segments begins; a full backup must be no older."""
        self._begun, self._complemented = asyncio.Event(), False
        self._reached: float | None = None
        """Up to this time nothing would be lost; None in one that does not follow."""
        self._refused_until = 0.0

    def figures(self) -> dict[str, float]:
        """For metrics. `behind_seconds` is what a loss would take now; one that does not follow cannot tell."""
        figures: dict[str, float] = {
            "following": int(self._reached is not None),
            "refused": int(time.monotonic() < self._refused_until),
        }
        if (reached := self._reached) is not None:
            figures["behind_seconds"] = max(0.0, source() - reached)
        return figures

    async def run(self) -> None:
        """Follow whenever no other process does, for ever; cancel it to hand over at once."""
        await leases.lead(BACKUPS, "tail", self._me, self._lead, self._failed, pause=PAUSE, longest=_MAX_PAUSE)

    async def _lead(self, _: Document) -> None:
        try:
            with permitted("backup"):
                await leases.hold(BACKUPS, "tail", self._me, self._follow(), self._complete())
        finally:
            self._reached = None

    async def _failed(self, error: Exception) -> float | None:
        if isinstance(error, OtherOrigin):
            self._refused_until = time.monotonic() + 2 * RETRY
            _log.error("backup_tail_refused", error=str(error))
            return RETRY
        _log.error("backup_tail_restarts", error=repr(error)[:500])
        return None

    async def _follow(self) -> None:
        await check_origin(self._archive)
        position = await self._position()
        self._reached = float(position.ts.time)
        while not cancelled():
            asked = source()
            try:
                position = await advance(self._archive, position, idle=IDLE)
            except OplogOverran:
                _log.error("backup_oplog_overran", database=self._archive.database, since=position.ts.as_datetime())
                position = await beginning()
                self._starts(position.ts)
            if self._complemented:
                self._reached = asked
            await asyncio.sleep(EVERY)

    async def _position(self) -> Position:
        """Where to go on. It asks for no `head`: what was lost since is in the oplog, or has overrun the tail."""
        run = latest_run(await listed(self._archive))
        position = run[-1].end if run else await beginning()
        self._starts(run[0].after if run else position.ts)
        return position

    def _starts(self, at: Timestamp) -> None:
        self._start, self._complemented = at, False
        self._begun.set()

    async def _complete(self) -> None:
        """Make a full backup whenever the segments begin after the newest one."""
        while not cancelled():
            await self._begun.wait()
            self._begun.clear()
            try:
                await self._complement()
            except Exception as error:
                _log.error("backup_failed", error=repr(error)[:500])
                await asyncio.sleep(RETRY)
                self._begun.set()

    async def _complement(self) -> None:
        names = await finished(self._archive)
        row = await collection(BACKUPS).find_one({"_id": _RESTORED})
        start = max(self._start or Timestamp(0, 0), row["at"] if row else Timestamp(0, 0))
        if self._start and not any(snapshot_of(name) >= start for name in names):
            manifest = await dump(self._archive, silently)
            _log.info("backup_made", name=manifest.name, documents=manifest.documents, size=manifest.size)
        self._complemented = not self._begun.is_set()


async def begin_with_a_full_backup(restored: AsyncDatabase[Document]) -> None:
    """Let the next tail of a database make one: what led to its present state is a restore, not its own history."""
    await restored[BACKUPS].update_one({"_id": _RESTORED}, {"$set": {"at": await operation_time()}}, upsert=True)


async def beginning() -> Position:
    """A new run at the present end of the oplog, outside of any transaction."""
    while (last := await newest()) is None or partial(last):  # noqa: ASYNC110 - nothing announces it
        await asyncio.sleep(0.05)
    return Position(Run.new(last["ts"], await replica_set()), last["ts"], last["t"])


async def advance(archive: Archive, position: Position, *, idle: int = 0) -> Position:
    """Store what happened after a position and answer the new one. Raises OplogOverran.

    What is of less than `idle` seconds and puts off leases only is left for later.
    """
    last = await newest()
    if last is None or last["ts"] <= position.ts:
        if last is not None and last["t"] > position.term:
            raise OplogOverran
        return position  # a new primary may know for an instant of less that is safe
    found, gathered, size = False, [], 0
    async for entry in entries(archive.database, position.ts, last["ts"]):
        if not found:
            if (entry["ts"], entry["t"]) != (position.ts, position.term):
                break
            found = True
            continue
        gathered.append(entry)
        size += len(entry.raw)
        if size >= SEGMENT_BYTES and not partial(entry):
            position = await _store(archive, position, entry, gathered)
            gathered, size = [], 0
    if not found:
        raise OplogOverran
    if gathered and partial(gathered[-1]):  # the rest of the transaction is still to come
        while gathered and partial(gathered[-1]):
            gathered.pop()
        if not gathered:
            return position
        last = gathered[-1]
    if last["ts"].time - position.ts.time < idle and all(map(renewal, gathered)):
        return position
    return await _store(archive, position, last, gathered)


async def _store(archive: Archive, position: Position, last: Entry, gathered: Sequence[Entry]) -> Position:
    if last["ts"] <= position.ts:
        return position
    for entry in gathered:
        if entry["ns"] == f"{archive.database}.system.views":
            _log.error("backup_cannot_replay", database=archive.database, at=wall(entry), mend="remove the view")
    segment = Segment(position.run, position.ts, last["ts"], last["t"])
    await segment.store(archive, wall(last), [bytes(one.raw) for one in gathered])
    return segment.end
