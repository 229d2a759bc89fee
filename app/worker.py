"""The worker process: loops that must always run somewhere, and the jobs of some queues. Start as many as needed."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import structlog

from app import startup
from app.core import changes, metrics
from app.core.backups import Archive, Tail
from app.core.jobs import JobType, Queue
from app.core.settings import Environment, Settings
from app.core.tasks import cancelled
from app.jobs import hints, roots
from app.services.webhooks import documents
from app.services.webhooks.documents import Documents

EXIT_SECONDS = 29
"""How long a stop may take; running jobs get 25 of it, and orchestrators kill after 30."""
MAX_PAUSE_SECONDS = 30.0
STEADY_SECONDS = 60
"""A loop that ran for so long failed for a new reason: the pauses begin again at the shortest."""

Loop = Callable[[], Awaitable[object]]

_log = structlog.stdlib.get_logger(__name__)


async def run(
    settings: Settings, queues: Sequence[Queue] = tuple(Queue), types: Sequence[JobType[Any]] = roots.JOBS
) -> None:
    """Do the jobs of some queues until SIGINT or SIGTERM, then stop in order. Raises PortInUse.

    The order: no more work is taken, and every lease but those of running jobs is given back, so that other workers
    lead at once; running jobs end, or are handed back after 25 seconds; connections to MongoDB and Redis are closed.
    """
    stop, turn = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        turn.add_signal_handler(number, stop.set)
    with metrics.exposed(settings.metrics_host, settings.metrics_port):
        startup.connect(settings)
        work, stopping = asyncio.create_task(_work(settings, queues, types)), asyncio.create_task(stop.wait())
        await asyncio.wait([work, stopping], return_when=asyncio.FIRST_COMPLETED)
        metrics.DRAINING.set(1)
        _log.info("worker.stopping")
        killer = turn.call_later(EXIT_SECONDS, _give_up)
        for task in (work, stopping):
            task.cancel()
        try:
            with suppress(asyncio.CancelledError):
                await work
        finally:
            await startup.close()
            killer.cancel()
    _log.info("worker.stopped")


def _give_up() -> None:
    """End at once with status 1: whatever hangs, leases let others take over what is left here."""
    _log.error("worker.stop_cut_short", seconds=EXIT_SECONDS)
    os._exit(1)


def _event_documents(settings: Settings) -> Documents:
    from app.api.eventdocuments import EventDocuments  # only where there are webhooks: the schema takes a while
    from app.resolvers.roots import schema

    return EventDocuments(schema, settings)


async def _work(settings: Settings, queues: Sequence[Queue], types: Sequence[JobType[Any]]) -> None:
    documents.use(partial(_event_documents, settings))
    await startup.complete([*startup.servers(settings), *startup.preparation(types)])
    sequencer = changes.Sequencer()
    metrics.follow("sequencer", sequencer.figures, totals=("batches", "events", "restarts"))
    # What belongs to no queue runs in every worker; each loop sees to it that one process at a time does the work.
    loops: dict[str, Loop] = {"sequencer": sequencer.run, **roots.loops(queues, types)}
    if settings.backup_url:
        tail = Tail(Archive.of(settings))
        metrics.follow("backup_tail", tail.figures)
        loops["backup tail"] = tail.run
    elif settings.atrium_env is Environment.PRODUCTION:
        _log.warning("worker.no_backups", mend="set BACKUP_URL and BACKUP_KEY")
    for queue in queues:
        loops[f"{queue.value} hints"] = partial(hints.hear, str(settings.redis_url), queue)
    startup.spare_the_collector()
    metrics.STARTED.set(1)
    _log.info("worker.works", loops=sorted(loops))
    async with asyncio.TaskGroup() as group:
        for name, loop in loops.items():
            group.create_task(keep_running(name, loop), name=name)


async def keep_running(name: str, loop: Loop) -> None:
    """Run a loop for ever: when it fails or returns it is logged and started again, after pauses that grow."""
    pause = 0.5
    while not cancelled():
        start = time.monotonic()
        try:
            await loop()
            if not cancelled():
                _log.error("worker.loop_ended", loop=name)
        except Exception:
            _log.exception("worker.loop_failed", loop=name)
        if cancelled():
            return
        if time.monotonic() - start > STEADY_SECONDS:
            pause = 0.5
        await asyncio.sleep(pause)
        pause = min(pause * 2, MAX_PAUSE_SECONDS)
