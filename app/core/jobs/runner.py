"""The runner: leases jobs of one queue that are ready, a few at a time, and sees each to its end."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import structlog
from pymongo.errors import PyMongoError

from app.core import leases, metrics, signals
from app.core.database import Document
from app.core.jobs import endings, queue
from app.core.jobs.attempt import Job, check_result, open_job
from app.core.jobs.declaration import JobType, Overtaken, Permanent, Queue, Result
from app.core.logs import redact
from app.core.origin import Door, Origin, coming
from app.core.tasks import cancelled, end, rest

SLOTS: Mapping[Queue, int] = {
    Queue.FAST: 32,
    Queue.DEFAULT: 16,
    Queue.SLOW: 4,
    Queue.OUTBOUND: 32,
    Queue.WEBHOOKS: 64,
}
"""Jobs of a queue at once in a process."""
SHARE = 0.75
"""The part of a runner's slots that one organization may hold: however long its jobs take, others find room."""
POLL = 0.25
"""Seconds between two looks at the queue when nobody calls `look`."""
PAUSED = 1.0
"""Seconds between two looks at whether the queue is stopped."""
GRACE = 25.0
"""Seconds that running jobs get to end when the runner is cancelled."""
FINISH_PAUSES = (0.1, 0.5, 1.0, 2.0, 4.0)
"""Seconds between tries to write that a job was done; after that its lease ends, and it is done again."""
CANCELLED = "jobs.cancelled"
"""The channel of `core.signals` on which a cancellation is announced; leases' renewals find it without."""

_log = structlog.stdlib.get_logger(__name__)


class _Work:
    """An attempt under way."""

    def __init__(self, row: Document) -> None:
        self.row = row
        self.task: asyncio.Task[None] | None = None
        self.overtaken = False
        self.cancelled = False

    def stop(self) -> None:
        if self.task:
            self.task.cancel()


class Runner:
    """Does the jobs of some types in one queue, and touches no others."""

    def __init__(self, types: Iterable[JobType[Any]], of: Queue = Queue.DEFAULT, slots: int | None = None) -> None:
        self._types = {kind.type: kind for kind in types if kind.queue is of}
        self._queue, self._slots = of, slots or SLOTS[of]
        self._me = leases.new_owner()
        self._wake, self._freed, self._check = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._works: dict[asyncio.Task[None], _Work] = {}
        self._asked, self._paused, self._held_back, self._unsure = 0.0, False, False, False
        metrics.JOBS_RUNNING.labels(of.value).set_function(lambda: len(self._works))

    def look(self) -> None:
        """Look at the queue now instead of at the next poll."""
        self._wake.set()

    async def run(self) -> None:
        """Do jobs for ever. Cancelled, it takes no more, gives the running ones GRACE and hands back what is left."""
        beside = asyncio.create_task(self._renew()), asyncio.create_task(self._hear())
        try:
            while not cancelled():
                self._wake.clear()
                self._freed.clear()
                free = self._slots - len(self._works)
                if free == 0:
                    await self._freed.wait()
                    continue
                rows = await self._take(free)
                for row in rows:
                    self._begin(row)
                if not rows:
                    await rest(POLL * (0.75 + random.random() / 2), self._wake)  # noqa: S311 - jitter
        finally:
            await self._drain()
            await end(*beside)

    async def _take(self, free: int) -> list[Document]:
        try:
            if time.monotonic() > self._asked + PAUSED:
                self._paused, self._asked = await queue.paused(self._queue), time.monotonic()
            if self._paused or not self._types:
                return []
            held = Counter(work.row["organization_id"] for work in self._works.values())
            share = max(1, int(self._slots * SHARE))
            self._held_back = any(count >= share for count in held.values())
            if self._unsure:  # the answer was lost, and what it leased would wait for its lease to end
                begun = {work.row["_id"] for work in self._works.values()}
                leased = [row for row in await queue.held(self._queue, self._me) if row["_id"] not in begun]
                self._unsure = False
                if leased:
                    return leased
            return await queue.take(self._queue, list(self._types), self._me, free, share=share, held=held)
        except PyMongoError as error:
            self._unsure = True
            _log.warning("jobs_not_taken", queue=self._queue.value, error=repr(error)[:500])
            return []

    def _begin(self, row: Document) -> None:
        work = _Work(row)
        metrics.JOB_DELAY.labels(self._queue.value).observe((row["started_at"] - row["ready_at"]).total_seconds())
        work.task = asyncio.create_task(self._see_to(work, self._types[row["type"]]))
        self._works[work.task] = work
        work.task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        del self._works[task]
        self._freed.set()
        if self._held_back:  # what was passed over may be let in now
            self._wake.set()
        if not task.cancelled() and (error := task.exception()):
            _log.error("job_unsettled", exc_info=error)

    async def _drain(self) -> None:
        if self._works:
            await asyncio.wait(self._works, timeout=GRACE)
        await end(*self._works)
        await endings.settled()

    async def _hear(self) -> None:
        """Somebody cancelled a job, here or elsewhere: look now, instead of at the next renewal."""
        async with signals.subscribe(CANCELLED) as hints:
            async for _ in hints:
                self._check.set()

    async def _renew(self) -> None:
        """Renew the leases of all that runs, and stop what is another runner's by now or was cancelled.

        While the database cannot be asked they go on: what they write is fenced, and most often nobody has them.
        """
        while not cancelled():
            await rest(queue.LEASE / 3, self._check)
            works = list(self._works.values())
            if not works:
                continue
            try:
                mine = await queue.renew(self._me, [work.row["_id"] for work in works])
            except Exception as error:  # nothing may end the renewals
                _log.warning("jobs_not_renewed", queue=self._queue.value, error=repr(error)[:500])
                continue
            for work in works:
                row = mine.get(work.row["_id"])
                work.overtaken = row is None or row["token"] != work.row["token"]
                work.cancelled = work.cancelled or bool(row and row.get("cancel"))
                if work.overtaken or work.cancelled:
                    work.stop()

    async def _see_to(self, work: _Work, kind: JobType[Any]) -> None:
        """Make an attempt, and write down how it ended."""
        row, begun, outcome = work.row, time.perf_counter(), "done"
        structlog.contextvars.bind_contextvars(job=str(row["_id"]), attempt=row["attempt"])
        try:
            try:
                job, result = await _attempt(row, kind)
            except Overtaken:
                outcome = "overtaken"
            except Exception as error:
                outcome = await _failed(row, kind, error)
            else:
                if not job.finished:
                    await _finish(row, result)
        except asyncio.CancelledError:
            outcome = await self._stopped(work, kind)
        if outcome == "overtaken":
            _log.warning("job_overtaken")
        metrics.JOB_SECONDS.labels(self._queue.value, outcome).observe(time.perf_counter() - begun)

    async def _stopped(self, work: _Work, kind: JobType[Any]) -> str:
        if work.overtaken:
            return "overtaken"
        if work.cancelled:
            await endings.end_cancelled(work.row)
            return "cancelled"
        if cancelled():  # the process stops
            await endings.give_back(work.row)
            return "handed_back"
        return await _failed(work.row, kind, RuntimeError("it cancelled itself"))


async def _attempt(row: Document, kind: JobType[Any]) -> tuple[Job[Any], Result]:
    job: Job[Any] = open_job(row, kind)
    with coming(Origin(Door.JOB, job.id)):
        async with asyncio.timeout(kind.timeout):
            result = await kind.run(job)
    if not job.finished:
        check_result(result)
    return job, result


async def _finish(row: Document, result: Result) -> None:
    """Note that the job was done. It was, so a database that is away is no failure of the job's."""
    for pause in FINISH_PAUSES:
        try:
            return await endings.finish(row, result)
        except PyMongoError as error:
            _log.warning("job_not_finished", error=repr(error)[:500], again_in=pause)
        await asyncio.sleep(pause)
    return await endings.finish(row, result)


async def _failed(row: Document, kind: JobType[Any], error: Exception) -> str:
    told = redact(repr(error))[: queue.MAX_ERROR]
    again_in = getattr(error, "retry_after", None)
    if again_in is not None:
        _log.info("job_postponed", error=told[:500], again_in=again_in)
        await endings.retry(row, told, again_in, counted=False)
        return "postponed"
    if isinstance(error, Permanent) or row["attempt"] >= row["attempts"]:
        _log.error("job_dead", exc_info=error)
        await endings.bury(row, told)
        return "dead"
    pause = kind.backoff.pause(row["attempt"])
    _log.warning("job_failed", error=told[:500], again_in=round(pause, 1))
    await endings.retry(row, told, pause)
    return "failed"
