"""Signals: hints, typing and presence between processes, over Redis. Best effort: without Redis there is silence.

Nothing that must arrive goes through here; that is what `core.changes` is for. Payloads are JSON values.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import orjson
import structlog
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError

from app.core.circuits import Breaker
from app.core.outside import Away, Outside
from app.core.tasks import end

T = TypeVar("T")

PATIENCE = 0.2
"""Seconds that a caller waits for Redis at most."""
REST = 1.0
"""Seconds for which Redis is left alone after a failure, at most; callers meanwhile get their answer at once."""
CONNECTIONS = 32
QUEUE = 256
"""Payloads that a slow subscriber may leave unread; beyond, the oldest are dropped."""
_SILENCE = 15.0
_MAX_PAUSE = 2.0

_log = structlog.stdlib.get_logger(__name__)
_signals: "Signals | None" = None


def connect(url: str) -> None:
    """Set the Redis of this process; nothing is sent before it is needed. Without it, a process is deaf and mute."""
    global _signals
    _signals = Signals(url)


async def close() -> None:
    global _signals
    signals, _signals = _signals, None
    if signals is not None:
        await signals.close()


async def attempt(command: Callable[["Redis"], Awaitable[T]]) -> T | None:
    """The answer of a Redis command; None when Redis is away or slow."""
    return await _signals.attempt(command) if _signals else None


async def publish(channel: str, payload: Any) -> None:
    """Send a JSON value to whoever subscribes to the channel now, in any process."""
    await attempt(lambda redis: redis.publish(channel, orjson.dumps(payload)))


@asynccontextmanager
async def subscribe(channel: str) -> AsyncIterator[AsyncIterator[Any]]:
    """The payloads published on a channel from now on, for as long as the context is open.

    Reconnects by itself; what is published meanwhile is lost.
    """
    queue: asyncio.Queue[Any] = asyncio.Queue(QUEUE)
    signals = _signals
    if signals is None:
        yield _drain(queue)
        return
    try:
        await signals.add(channel, queue)
        yield _drain(queue)
    finally:
        await signals.discard(channel, queue)


async def _drain(queue: "asyncio.Queue[Any]") -> AsyncIterator[Any]:
    while True:
        yield await queue.get()


class Signals:
    """One client and one listening connection for the whole process."""

    def __init__(self, url: str) -> None:
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=CONNECTIONS,
            timeout=PATIENCE,
            socket_timeout=5,
            socket_connect_timeout=2,
            socket_keepalive=True,
            health_check_interval=15,
            retry=Retry(NoBackoff(), 0),
        )
        self._redis = Redis.from_pool(pool)
        self._outside = Outside(
            "redis",
            timeout=PATIENCE,
            concurrency=CONNECTIONS,
            waiting=32 * CONNECTIONS,
            breaker=Breaker(failures=1, rest=REST, longest=REST),
            sick=(RedisError, OSError),
            refusals=(ResponseError,),
        )
        self._queues: dict[str, set[asyncio.Queue[Any]]] = {}
        self._confirmed: dict[str, asyncio.Event] = {}
        self._pubsub: PubSub | None = None
        self._listening: asyncio.Task[None] | None = None

    async def close(self) -> None:
        await self._stop_listening()
        await self._redis.aclose()

    async def attempt(self, command: Callable[["Redis"], Awaitable[T]]) -> T | None:
        try:
            async with self._outside.call():
                return await command(self._redis)
        except Away:
            return None
        except (RedisError, OSError) as error:  # a TimeoutError is an OSError
            _log.warning("redis_away", error=repr(error))
            return None

    async def add(self, channel: str, queue: "asyncio.Queue[Any]") -> None:
        """Feed a queue from a channel. Waits a moment for Redis to confirm, so that what is published next is heard."""
        if channel not in self._queues:
            self._queues[channel], self._confirmed[channel] = set(), asyncio.Event()
        self._queues[channel].add(queue)
        confirmed = self._confirmed[channel]
        if self._listening is None:
            self._listening = asyncio.create_task(self._listen())
        elif self._pubsub is not None and not confirmed.is_set():
            await self._quietly(self._pubsub.subscribe(channel))
        await self._quietly(confirmed.wait())

    async def discard(self, channel: str, queue: "asyncio.Queue[Any]") -> None:
        self._queues[channel].discard(queue)
        if self._queues[channel]:
            return
        del self._queues[channel], self._confirmed[channel]
        if not self._queues:
            await self._stop_listening()
        elif self._pubsub is not None:
            await self._quietly(self._pubsub.unsubscribe(channel))

    async def _stop_listening(self) -> None:
        task, self._listening = self._listening, None
        if task is not None:
            await end(task)

    async def _quietly(self, step: Awaitable[object]) -> None:
        """Wait for a step, but not for long; the listener mends what it leaves undone."""
        try:
            async with asyncio.timeout(PATIENCE):
                await step
        except (RedisError, OSError):
            pass

    async def _listen(self) -> None:
        pause = 0.1
        while True:
            try:
                async with self._redis.pubsub() as pubsub:
                    known = set(self._queues)
                    await pubsub.subscribe(*known)
                    self._pubsub, pause = pubsub, 0.1
                    if late := self._queues.keys() - known:
                        await pubsub.subscribe(*late)
                    await self._receive(pubsub)
            except Exception as error:  # nothing may end the listener
                _log.warning("signals_interrupted", error=repr(error))
            finally:
                self._pubsub = None
                for confirmed in self._confirmed.values():
                    confirmed.clear()
            await asyncio.sleep(pause * (0.5 + random.random()))  # noqa: S311 - jitter
            pause = min(pause * 2, _MAX_PAUSE)

    async def _receive(self, pubsub: PubSub) -> None:
        asked = False
        while True:
            message = await pubsub.get_message(timeout=_SILENCE)
            if message is None:
                if asked:
                    raise RedisConnectionError("no answer to a ping")
                await pubsub.ping()
                asked = True
                continue
            asked = False
            if message["type"] == "subscribe" and (confirmed := self._confirmed.get(message["channel"].decode())):
                confirmed.set()
            elif message["type"] == "message":
                self._hand_out(message["channel"].decode(), message["data"])

    def _hand_out(self, channel: str, data: bytes) -> None:
        try:
            payload = orjson.loads(data)
        except orjson.JSONDecodeError:
            _log.warning("signal_unreadable", channel=channel)
            return
        for queue in self._queues.get(channel, ()):
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(payload)
