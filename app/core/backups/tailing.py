"""The tail: follows the oplog for ever and stores it in segments, so that a restore can reach any moment.

It keeps no position of its own: the newest segment tells where the next begins, whatever killed it and when.
"""

import asyncio
from collections.abc import Sequence

import structlog
from bson import Timestamp
from pymongo.asynchronous.database import AsyncDatabase

from app.core.backups.archive import Archive
from app.core.backups.dumping import dump
from app.core.backups.errors import permitted
from app.core.backups.manifest import finished, snapshot_of
from app.core.backups.oplog import Entry, entries, newest, partial, wall
from app.core.backups.progress import silently
from app.core.backups.segments import Segment, latest_run, stored
from app.core.changes import lease
from app.core.changes.log import operation_time
from app.core.clock import source
from app.core.database import Document, collection
from app.core.tasks import cancelled

BACKUPS = "backups"
"""The collection: {_id: "tail", owner, until}, the lease of the one that follows; {_id: "restored", at}."""
_RESTORED = "restored"
EVERY = 15.0
"""Seconds between segments: what a lost database can take with it, besides the time that storing takes."""
SEGMENT_BYTES = 16 << 20
"""A segment that reaches this size ends with the transaction at hand."""
RETRY = 60.0
PAUSE = 1.0
_MAX_PAUSE = 30.0

_log = structlog.stdlib.get_logger(__name__)


class OplogOverran(Exception):
    """The oplog no longer holds the entry at which the newest segment ends."""


class Tail:
    """Run one in every worker; one of them follows at any time."""

    def __init__(self, archive: Archive) -> None:
        self._archive, self._me = archive, lease.new_owner()
        self._start: Timestamp | None = None
        """Where the present run of segments begins; a full backup must be no older."""
        self._begun = asyncio.Event()
        self._reached: Timestamp | None = None

    def figures(self) -> dict[str, float]:
        """For metrics. `behind_seconds` is what a loss would take now; 0 in one that does not follow."""
        reached = self._reached
        behind = max(0.0, source() - reached.time) if reached else 0.0
        return {"following": int(reached is not None), "behind_seconds": behind}

    async def run(self) -> None:
        """Follow whenever no other process does, for ever; cancel it to hand over at once."""
        pause = PAUSE
        try:
            while not cancelled():
                try:
                    if await lease.take(BACKUPS, "tail", self._me):
                        try:
                            with permitted("backup"):
                                await lease.hold(BACKUPS, "tail", self._me, self._follow(), self._complete())
                        finally:
                            self._reached = None
                    pause = PAUSE
                except Exception as error:
                    _log.error("backup_tail_restarts", error=repr(error)[:500])
                    pause = min(pause * 2, _MAX_PAUSE)
                await asyncio.sleep(pause)
        finally:
            await lease.give_back(BACKUPS, "tail", self._me)

    async def _follow(self) -> None:
        run = latest_run(await stored(self._archive))
        position, anew = (run[-1].until, False) if run else (await beginning(), True)
        self._starts(run[0].after if run else position)
        while not cancelled():
            try:
                reached = await advance(self._archive, position, anew=anew)
                position, anew = reached, anew and reached == position
            except OplogOverran:
                _log.error("backup_oplog_overran", database=self._archive.database, since=position.as_datetime())
                position, anew = await beginning(), True
                self._starts(position)
            self._reached = position
            await asyncio.sleep(EVERY)

    def _starts(self, at: Timestamp) -> None:
        self._start = at
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


async def begin_with_a_full_backup(restored: AsyncDatabase[Document]) -> None:
    """Let the next tail of a database make one: what led to its present state is a restore, not its own history."""
    await restored[BACKUPS].update_one({"_id": _RESTORED}, {"$set": {"at": await operation_time()}}, upsert=True)


async def beginning() -> Timestamp:
    """The present end of the oplog, outside of any transaction."""
    while (last := await newest()) is None or partial(last):  # noqa: ASYNC110 - nothing announces it
        await asyncio.sleep(0.05)
    beginning: Timestamp = last["ts"]
    return beginning


async def advance(archive: Archive, position: Timestamp, *, anew: bool = False) -> Timestamp:
    """Store what happened after a position and answer the new one. Raises OplogOverran.

    `anew`: no segment leads to the position.
    """
    last = await newest()
    if last is None or last["ts"] <= position:
        return position
    found, gathered, size = False, [], 0
    async for entry in entries(archive.database, position, last["ts"]):
        if not found:
            if entry["ts"] != position:
                break
            found = True
            continue
        gathered.append(entry)
        size += len(entry.raw)
        if size >= SEGMENT_BYTES and not partial(entry):
            position = await _store(archive, position, entry, gathered, anew)
            gathered, size, anew = [], 0, False
    if not found:
        raise OplogOverran
    if gathered and partial(gathered[-1]):  # the rest of the transaction is still to come
        while gathered and partial(gathered[-1]):
            gathered.pop()
        if not gathered:
            return position
        last = gathered[-1]
    return await _store(archive, position, last, gathered, anew)


async def _store(archive: Archive, after: Timestamp, last: Entry, gathered: Sequence[Entry], anew: bool) -> Timestamp:
    until: Timestamp = last["ts"]
    for entry in gathered:
        if entry["ns"] == f"{archive.database}.system.views":
            _log.error("backup_cannot_replay", database=archive.database, at=wall(entry), mend="remove the view")
    if until > after:
        await Segment(after, until).store(archive, wall(last), [bytes(one.raw) for one in gathered], anew=anew)
    return until
