"""The sequencer: one elected process gives every event its position, after its write was committed.

It reads the database's change stream. A position is the rank of an event in commit order, a function of the oplog
alone, so two sequencers alive at once (one was frozen past its lease) write equal rows, and the unique keys of the log
stop the second. Any error means: start again from the checkpoint.
"""

import asyncio
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import structlog
from pymongo.asynchronous.change_stream import AsyncChangeStream
from pymongo.errors import OperationFailure
from pymongo.write_concern import WriteConcern

from app.core import database, leases, signals
from app.core.changes.appending import BATCH, Appender, EventRow, unknown
from app.core.changes.envelope import FIELD, unpack
from app.core.changes.log import HINT, LEASE, LOG, SEQUENCER
from app.core.changes.recovery import recover
from app.core.clock import at, now, source
from app.core.database import Document

CHECKPOINT = 0.5
"""Seconds between checkpoints at least; a late one costs a replay, which is recognised."""
IDLE_CHECKPOINT = 10.0
"""The same while nothing happens: often enough that the token never leaves the oplog, seldom enough not to fill it."""
PAUSE = 0.5
_MAX_PAUSE = 5.0
_HISTORY_LOST = {280, 286}

# Resuming with another pipeline may fail (SERVER-71565): change it only together with a log that has caught up.
_UPDATED = f"updateDescription.updatedFields.{FIELD}"
_PIPELINE: list[Mapping[str, Any]] = [
    {
        "$match": {
            "$or": [
                {"operationType": "insert", f"fullDocument.{FIELD}": {"$exists": True}},
                {"operationType": "update", _UPDATED: {"$exists": True}},
            ]
        }
    },
    {"$project": {"inserted": f"$fullDocument.{FIELD}", "updated": f"${_UPDATED}", "clusterTime": 1}},
]

_log = structlog.stdlib.get_logger(__name__)


class _Arrival(NamedTuple):
    token: Mapping[str, Any]
    time: datetime
    events: list[EventRow]


class Sequencer:
    """Run one in every worker process; one of them leads at any time, the others take over within the lease."""

    def __init__(self) -> None:
        self._me = leases.new_owner()
        self._leading, self._position, self._seen = False, 0, now()
        self._batches = self._events = self._restarts = 0
        self._began = 0
        """What `_events` was when it began to lead."""
        self._moved = asyncio.Event()

    def figures(self) -> dict[str, float]:
        """For metrics. `lag_seconds` is the age of the newest commit that was numbered, 0 in one that does not lead."""
        return {
            "leading": int(self._leading),
            "head": self._position,
            "lag_seconds": max(0.0, source() - self._seen.timestamp()) if self._leading else 0.0,
            "batches": self._batches,
            "events": self._events,
            "restarts": self._restarts,
        }

    async def run(self) -> None:
        """Lead whenever no other process does, for ever; cancel it to hand over at once."""
        await leases.lead(SEQUENCER, LEASE, self._me, self._lead, self._failed, pause=PAUSE, longest=_MAX_PAUSE)

    async def _failed(self, error: Exception) -> float | None:
        """Crash-only: whatever it is, start again from the checkpoint, soon if any events were numbered."""
        self._restarts += 1
        _log.warning("sequencer_restarts", error=repr(error)[:500])
        if isinstance(error, OperationFailure) and error.code in _HISTORY_LOST:
            await self._recover()
        return PAUSE if self._events > self._began else None

    async def _recover(self) -> None:
        try:
            if await leases.take(SEQUENCER, LEASE, self._me):
                await leases.hold(SEQUENCER, LEASE, self._me, recover())
        except Exception as error:
            _log.warning("recovery_restarts", error=repr(error)[:500])

    async def _lead(self, _: Document) -> None:
        self._began = self._events
        row = await database.collection(SEQUENCER).find_one({"_id": LOG})
        if row is None:
            raise RuntimeError("the change log is not set up: prepare() comes first")
        start = {"resume_after": row["token"]} if "token" in row else {"start_at_operation_time": row["since"]}
        appender = await Appender.at_head()
        arrivals: asyncio.Queue[_Arrival] = asyncio.Queue(10 * BATCH)
        watching = database.database().watch(_PIPELINE, batch_size=BATCH, max_await_time_ms=1_000, **start)
        async with await watching as stream:
            self._position, self._leading = appender.position, True
            loops = _pull(stream, arrivals), self._number(arrivals, appender, row["epoch"]), self._announce()
            try:
                await leases.hold(SEQUENCER, LEASE, self._me, *loops)
            finally:
                self._leading = False

    async def _number(self, arrivals: "asyncio.Queue[_Arrival]", appender: Appender, epoch: int) -> None:
        """Append what arrives. All that came while the last batch was being written is the next batch."""
        replaying, dirty, saved = True, False, time.monotonic()
        while True:
            arrival = await arrivals.get()
            events = list(arrival.events)
            while len(events) < BATCH and not arrivals.empty():
                arrival = arrivals.get_nowait()
                events += arrival.events
            events = appender.fresh(events)
            if replaying and events:  # what is in the log already comes first, so it ends with a batch without any
                missing = await unknown(events)
                events, replaying = missing, len(missing) < len(events)
            if events:
                await appender.append(events)
                self._position, dirty = appender.position, True
                self._batches, self._events = self._batches + 1, self._events + len(events)
                self._moved.set()
            self._seen = arrival.time
            if time.monotonic() > saved + (CHECKPOINT if dirty else IDLE_CHECKPOINT):
                await _checkpoint(arrival, epoch)
                dirty, saved = False, time.monotonic()

    async def _announce(self) -> None:
        """Beside the batches, so that a Redis that hangs does not hold them up."""
        while True:
            await self._moved.wait()
            self._moved.clear()
            await signals.publish(HINT, self._position)


async def _pull(stream: AsyncChangeStream[Document], arrivals: "asyncio.Queue[_Arrival]") -> None:
    while stream.alive:
        change = await stream.try_next()
        if change is not None:
            events = unpack(change.get("inserted", change.get("updated")))
            await arrivals.put(_Arrival(change["_id"], at(change["clusterTime"].time), events))
        elif stream.resume_token is not None:
            await arrivals.put(_Arrival(stream.resume_token, now(), []))
    raise RuntimeError("the change stream has ended")


async def _checkpoint(arrival: _Arrival, epoch: int) -> None:
    # Losing it costs a replay, so it need not wait for a majority; the epoch keeps out who slept through a recovery.
    states = database.collection(SEQUENCER).with_options(write_concern=WriteConcern(1))
    await states.update_one({"_id": LOG, "epoch": epoch}, {"$set": {"token": arrival.token, "seen": arrival.time}})
