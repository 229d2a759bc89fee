"""The worker process: loops that must always run somewhere, and the jobs of some queues. Start as many as needed."""

import asyncio
import os
import signal
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import orjson
import structlog
from arq.connections import RedisSettings
from arq.typing import WorkerCoroutine
from arq.worker import Function, Worker
from redis.exceptions import RedisError

from app import startup
from app.core import changes
from app.core.jobs import JobType, Queue
from app.core.settings import Settings
from app.core.tasks import cancelled
from app.jobs import roots

GRACE_SECONDS = 25
"""How long running jobs may take to end after SIGTERM; orchestrators kill after 30."""
MAX_PAUSE_SECONDS = 30.0
STEADY_SECONDS = 60
"""A loop that ran for so long failed for a new reason: the pauses begin again at the shortest."""

Loop = Callable[[], Awaitable[object]]

FUNCTIONS: Sequence[Function | WorkerCoroutine] = roots.FUNCTIONS
"""What hints that arq carries call."""

_log = structlog.stdlib.get_logger(__name__)


async def run(
    settings: Settings, queues: Sequence[Queue] = tuple(Queue), types: Sequence[JobType[Any]] = roots.JOBS
) -> None:
    """Do the jobs of some queues until SIGINT or SIGTERM, then let running ones end."""
    stop, turn = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        turn.add_signal_handler(number, stop.set)
    startup.connect(settings)
    work = asyncio.create_task(_work(settings, queues, types))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait([work, stopping], return_when=asyncio.FIRST_COMPLETED)
    for task in (work, stopping):
        task.cancel()
    try:
        with suppress(asyncio.CancelledError):
            await work
    finally:
        await startup.close()
    _log.info("worker.stopped")


async def _work(settings: Settings, queues: Sequence[Queue], types: Sequence[JobType[Any]]) -> None:
    await startup.complete([*startup.servers(settings), *startup.preparation()])
    # What belongs to no queue runs in every worker; each loop sees to it that one process at a time does the work.
    loops: dict[str, Loop] = {"sequencer": lambda: changes.Sequencer().run(), **roots.loops(queues, types)}
    for queue in queues:
        loops[f"{queue.value} hints"] = partial(_hear_hints, settings, queue)
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
            _log.error("worker.loop_ended", loop=name)
        except Exception:
            _log.exception("worker.loop_failed", loop=name)
        if time.monotonic() - start > STEADY_SECONDS:
            pause = 0.5
        await asyncio.sleep(pause)
        pause = min(pause * 2, MAX_PAUSE_SECONDS)


async def _hear_hints(settings: Settings, queue: Queue) -> None:
    """One arq worker, until it is cancelled or loses Redis; then it is of no use any more, and another is made."""
    redis = RedisSettings.from_dsn(str(settings.redis_url))
    redis.conn_retries = 0
    worker = Worker(
        FUNCTIONS,
        queue_name=roots.arq_queue(queue),
        redis_settings=redis,
        handle_signals=False,
        max_jobs=8,
        poll_delay=0.05,
        keep_result=0,
        health_check_interval=10,
        health_check_key=f"arq:health-check:{queue.value}:{socket.gethostname()}:{os.getpid()}",
        job_serializer=orjson.dumps,
        job_deserializer=orjson.loads,
    )
    try:
        await worker.async_run()
    finally:
        await _finish(worker)


async def _finish(worker: Worker) -> None:
    """Let running jobs end, and close. Raises nothing, as arq's own close does: that would hide a cancellation."""
    worker.allow_pick_jobs = False
    if running := set(worker.tasks.values()):
        _, late = await asyncio.wait(running, timeout=GRACE_SECONDS)
        for task in late:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    pool = worker._pool
    if pool is not None:
        with suppress(RedisError, OSError):
            await pool.delete(worker.health_check_key)
        with suppress(RedisError, OSError):
            await pool.aclose()
