"""Hints from process to process that a queue has something to do, which arq carries over Redis.

Nothing depends on them: runners find by their poll, a quarter of a second later, what no hint told. What is found in
Redis is read as JSON, does nothing but let a runner look, and is thrown away when it is anything else.
"""

import asyncio
import os
import random
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import orjson
import structlog
from arq import ArqRedis, func
from arq.constants import in_progress_key_prefix, job_key_prefix, retry_key_prefix
from arq.worker import Worker
from redis.asyncio import ConnectionPool
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from app.core import signals
from app.core.jobs import Queue
from app.core.metrics import WAKE_FAILURES
from app.core.tasks import cancelled, end

POLL = 0.05
PAUSE = 1.0
"""Seconds after which Redis is tried again, on average."""

LOOKS: dict[Queue, Callable[[], None]] = {}
"""What lets this process's runner of a queue look now."""

_log = structlog.stdlib.get_logger(__name__)


async def announce(queues: Iterable[str]) -> None:
    """Wake a worker of each queue. One hint of a kind at a time is in Redis, however many are sent."""

    async def enqueue(redis: Any) -> bool:
        arq = ArqRedis(redis.connection_pool, job_serializer=orjson.dumps)
        for queue in queues:
            await arq.enqueue_job("wake", queue, _job_id=_id(Queue(queue)), _queue_name=arq_queue(Queue(queue)))
        return True

    if not await signals.attempt(enqueue):
        WAKE_FAILURES.inc()


def arq_queue(queue: Queue) -> str:
    """arq's name of the hints for runners of a queue."""
    return f"arq:queue:{queue.value}"


def _id(queue: Queue) -> str:
    return f"wake:{queue.value}"


def _keys(queue: Queue) -> list[str]:
    """What arq keeps of a hint beside the queue; as long as the first is there, no other hint is taken."""
    return [f"{prefix}{_id(queue)}" for prefix in (job_key_prefix, in_progress_key_prefix, retry_key_prefix)]


async def hear(url: str, queue: Queue) -> None:
    """Let this process's runner of a queue look whenever a hint arrives, for ever, however often Redis goes away."""
    while not cancelled():
        pool = ConnectionPool.from_url(
            url, socket_timeout=5, socket_connect_timeout=2, socket_keepalive=True, health_check_interval=15
        )
        try:
            await _serve(ArqRedis(pool, orjson.dumps, orjson.loads, arq_queue(queue)), queue)
        except (RedisConnectionError, RedisTimeoutError, OSError) as error:
            _log.warning("hints_interrupted", queue=queue.value, error=repr(error)[:300])
        except Exception:  # arq stumbles over a strange entry each time that it comes to it
            _log.exception("hints_dropped", queue=queue.value)
            await signals.attempt(lambda redis: redis.delete(arq_queue(queue), *_keys(queue)))
        finally:
            with suppress(RedisError, OSError):
                await pool.disconnect()
        await asyncio.sleep(PAUSE * (0.5 + random.random()))  # noqa: S311 - jitter


async def _serve(redis: ArqRedis, queue: Queue) -> None:
    """One worker of arq, which is of no use any more when it has lost Redis once."""
    worker = Worker(
        [func(_wake, name="wake", keep_result=0, timeout=5, max_tries=1)],
        queue_name=arq_queue(queue),
        redis_pool=redis,
        handle_signals=False,
        max_jobs=8,
        poll_delay=POLL,
        keep_result=0,
        health_check_interval=10,
        health_check_key=f"arq:health-check:{queue.value}:{socket.gethostname()}:{os.getpid()}",
        job_serializer=orjson.dumps,
        job_deserializer=orjson.loads,
    )
    serving = asyncio.create_task(worker.async_run())  # connecting to Redis may lose a cancellation
    try:
        await asyncio.wait([serving])
        serving.result()
    finally:  # arq's own close raises what its tasks raised, which would hide a cancellation
        await end(serving, *worker.tasks.values())
        with suppress(RedisError, OSError):
            await redis.delete(worker.health_check_key)


async def _wake(ctx: dict[Any, Any], queue: str) -> None:
    LOOKS[Queue(queue)]()
