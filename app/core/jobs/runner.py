"""The runner: leases jobs that are due, a few at a time, and sees each to its end. One in every worker process."""

import asyncio
import random
import time
from collections.abc import Iterable
from typing import Any
from uuid import uuid4

import structlog
from pymongo.errors import PyMongoError

from app.core.changes.events import Event
from app.core.database import Document
from app.core.jobs import queue
from app.core.jobs.declaration import Job, JobType, Permanent
from app.core.tasks import cancelled, end

POLL = 1.0
"""Seconds between two looks at the queue when nobody calls `look`."""
SLOTS = 8
"""Jobs at once in a process."""
GRACE = 20.0
"""Seconds that running jobs get to end when the runner is cancelled."""
PAUSE, MAX_PAUSE = 2.0, 3600.0
"""Seconds: the first and the longest pause before another attempt, before jitter."""
_MAX_ERROR = 2_000

_log = structlog.stdlib.get_logger(__name__)


class Runner:
    """Does the jobs of some types, SLOTS at once, and touches no others."""

    def __init__(self, types: Iterable[JobType[Any]]) -> None:
        self._types = {kind.type: kind for kind in types}
        self._me = uuid4().hex
        self._free = asyncio.Semaphore(SLOTS)
        self._wake = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()

    def look(self) -> None:
        """Look at the queue now instead of at the next poll."""
        self._wake.set()

    async def run(self) -> None:
        """Do jobs for ever. Cancelled, it takes no more, gives the running ones GRACE and hands back what is left."""
        names = list(self._types)
        try:
            while not cancelled():
                await self._free.acquire()
                self._wake.clear()
                row = None
                try:
                    row = await queue.take(names, self._me)
                except PyMongoError as error:
                    _log.warning("jobs_not_taken", error=repr(error)[:500])
                finally:
                    if row is None:
                        self._free.release()
                if row is None:
                    await self._rest()
                else:
                    task = asyncio.create_task(self._see_to(row, self._types[row["type"]]))
                    self._running.add(task)
                    task.add_done_callback(self._ended)
        finally:
            await self._drain()

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(POLL * (0.75 + random.random() / 2)):  # noqa: S311 - jitter
                await self._wake.wait()
        except TimeoutError:
            pass

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._running.discard(task)
        self._free.release()

    async def _drain(self) -> None:
        if self._running:
            await asyncio.wait(self._running, timeout=GRACE)
        await end(*self._running)

    async def _see_to(self, row: Document, kind: JobType[Any]) -> None:
        """Run a leased job while its lease is renewed, and write down how it ended."""
        structlog.contextvars.bind_contextvars(job=row["_id"], attempt=row["attempt"])
        work, hold = asyncio.create_task(_attempt(row, kind)), asyncio.create_task(_hold(row))
        try:
            await asyncio.wait({work, hold}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done() or not await _settle(row, kind, _error(work)):
                _log.warning("job_overtaken")
        except asyncio.CancelledError:
            await end(work)
            await queue.give_back(row)
            raise
        except PyMongoError as error:  # its lease will run out, and somebody will do it again
            _log.warning("job_unsettled", error=repr(error)[:500])
        finally:
            await end(work, hold)


async def _attempt(row: Document, kind: JobType[Any]) -> None:
    if row["attempt"] > kind.attempts:
        raise Permanent("its process ended, or lost touch with the database, in the last attempt")
    event = Event.read(row["event"])
    if event is None:
        raise Permanent(f"{row['event']['t']} is not an event")
    async with asyncio.timeout(kind.timeout):
        await kind.run(Job(row["_id"], event, row["attempt"]))


async def _hold(row: Document) -> None:
    """Renew the lease; returns when it is lost."""
    held = time.monotonic()
    while time.monotonic() < held + queue.LEASE and not cancelled():
        await asyncio.sleep(queue.LEASE / 3)
        asked = time.monotonic()
        try:
            if not await queue.renew(row):
                return
            held = asked
        except PyMongoError as error:
            _log.warning("job_not_renewed", error=repr(error)[:500])


async def _settle(row: Document, kind: JobType[Any], error: BaseException | None) -> bool:
    if error is None:
        return await queue.finish(row)
    told = repr(error)[:_MAX_ERROR]
    if isinstance(error, Permanent) or row["attempt"] >= kind.attempts:
        _log.error("job_dead", exc_info=error)
        return await queue.bury(row, told)
    pause = random.random() * min(MAX_PAUSE, PAUSE * 2 ** (row["attempt"] - 1))  # noqa: S311 - full jitter
    _log.warning("job_failed", error=told[:500], again_in=round(pause, 1))
    return await queue.retry(row, told, pause)


def _error(work: "asyncio.Task[None]") -> BaseException | None:
    return asyncio.CancelledError("it cancelled itself") if work.cancelled() else work.exception()
