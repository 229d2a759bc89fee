"""The timekeeper: lets jobs whose time has come be taken, and makes the runs of schedules. One leads at any time.

    schedules  {_id: name, last: the newest tick that was dealt with, paused}

A tick is a job whose key is its moment, so however many timekeepers see it, it is one row and runs once.
"""

import asyncio
import time
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, cast

import structlog
from pymongo import ReturnDocument

from app.core import database, leases
from app.core.clock import now
from app.core.database import Document
from app.core.jobs import queue
from app.core.jobs.acceptance import Announce
from app.core.jobs.declaration import JobType
from app.core.jobs.due import DUE_LIMIT, make_due_ready
from app.core.jobs.making import new_row, put
from app.core.jobs.schedules import Schedule, Tick

SCHEDULES = "schedules"
LEASES = "leases"
POLL = 0.25
"""Seconds between two looks at what is due."""
PAUSE = 1.0
"""Seconds between two tries to lead."""

_log = structlog.stdlib.get_logger(__name__)


class Timekeeper:
    """Run one in every worker process."""

    def __init__(self, types: Iterable[JobType[Any]], announce: Announce) -> None:
        self._scheduled = {kind.name: kind for kind in types if isinstance(kind.cause, Schedule)}
        self._announce = announce
        self._me = leases.new_owner()

    async def run(self) -> None:
        """Keep time whenever no other process does, for ever; cancel it to hand over at once."""
        await leases.lead(LEASES, "timekeeper", self._me, self._lead, _failed, pause=PAUSE, longest=leases.SECONDS)

    async def _lead(self, _: Document) -> None:
        await leases.hold(LEASES, "timekeeper", self._me, self._keep())

    async def _keep(self) -> None:
        steady = time.monotonic()
        while True:
            began = time.monotonic()
            count, queues = await make_due_ready(silent=began > steady + queue.LEASE / 2)
            queues |= await self.tick()
            if time.monotonic() > began + queue.LEASE / 2:  # the database was away, for runners too
                steady = time.monotonic()
            if queues:
                await self._announce(queues)
            if count < DUE_LIMIT:
                await asyncio.sleep(POLL)

    async def tick(self) -> set[str]:
        """Make the runs of ticks that have come; answers the queues that have something new."""
        queues: set[str] = set()
        if not self._scheduled:
            return queues
        rows = {row["_id"]: row async for row in database.collection(SCHEDULES).find()}
        for name, kind in self._scheduled.items():
            row = rows.get(name) or await _first(name)
            if not row.get("paused"):
                queues |= await self._run_missed(kind, row["last"])
        return queues

    async def _run_missed(self, kind: JobType[Any], last: datetime) -> set[str]:
        ticks, newest = cast("Schedule", kind.cause).missed(last, now())
        if newest == last:
            return set()
        queues = await put([run_of(kind, tick) for tick in ticks])
        # Only now: who dies between the two leaves ticks to be seen again, and to be the same rows.
        await database.collection(SCHEDULES).update_one({"_id": kind.name}, {"$max": {"last": newest}})
        if now() - newest > timedelta(minutes=1):
            _log.warning("schedule_caught_up", schedule=kind.name, runs=len(ticks), newest=newest.isoformat())
        return queues


def run_of(kind: JobType[Any], tick: datetime) -> Document:
    """The job that a tick is."""
    return {**new_row(kind, kind.key(Tick(tick))), "tick": tick}


async def _failed(error: Exception) -> None:
    _log.warning("timekeeper_restarts", error=repr(error)[:500])


async def _first(name: str) -> Document:
    """The row of a schedule that is new: it begins with the next tick."""
    row = await database.collection(SCHEDULES).find_one_and_update(
        {"_id": name},
        {"$setOnInsert": {"last": now(), "paused": False}},
        upsert=True,
        return_document=ReturnDocument.AFTER,
    )
    assert row
    return row
