"""The answers that all processes share, in Redis: sealed, each for as long as it may be given. Without it, none.

Whoever reads one judges by its position in the log whether it is still good; what is old stays until it ends.
"""

import asyncio
import struct
from collections import deque
from collections.abc import Coroutine
from typing import Any

import structlog
from redis.asyncio import Redis

from app.core import seals, signals
from app.core.answers.answer import Answer

MAX_BYTES = 262_144
"""Of one answer."""
PATIENCE = 0.05
"""Seconds that an asker waits for Redis at most: to compute an answer takes about as long."""
WRITES = 32
"""Answers that are on their way to Redis at once; those beyond are not shared."""
CLAIM = 2.0
"""Seconds for which one process computes an answer that nobody waits for, and the others leave it alone."""

_HEAD = struct.Struct(">QQdI")
_PURPOSE = "kept answers"
_log = structlog.stdlib.get_logger(__name__)


class Pool:
    """`max_bytes` bounds what this process may have there at a time."""

    def __init__(self, max_bytes: int) -> None:
        self.bytes = 0
        self._max_bytes = max_bytes
        self._written: deque[tuple[float, int]] = deque()
        self._asking: set[asyncio.Task[Any]] = set()
        self._writing: set[asyncio.Task[Any]] = set()

    async def get(self, key: bytes) -> Answer | None:
        """The answer, if there is one; None as well when Redis is away, after PATIENCE."""
        asking = _started(self._asking, signals.attempt(lambda redis: redis.get(_name(key))))
        done, _ = await asyncio.wait({asking}, timeout=PATIENCE)  # Redis itself is given its time, to know how it is
        found = asking.result() if done else None
        return None if found is None else _opened(key, found)

    def put(self, key: bytes, answer: Answer, now: float) -> None:
        """Send the answer to Redis, without waiting; not when it is large, or too many are there or on their way."""
        while self._written and self._written[0][0] <= now:
            self.bytes -= self._written.popleft()[1]
        size, left = len(answer.body), int((answer.made + answer.ttl - now) * 1000)
        if size > MAX_BYTES or left <= 0 or self.bytes + size > self._max_bytes or len(self._writing) >= WRITES:
            return
        self.bytes += size
        self._written.append((now + answer.ttl, size))
        head = _HEAD.pack(answer.epoch, answer.position, answer.made, answer.ttl)
        sealed = seals.seal(_PURPOSE, key + head + answer.body)
        _started(self._writing, signals.attempt(lambda redis: redis.set(_name(key), sealed, px=left)))

    async def claim(self, key: bytes) -> bool:
        """Whether this process is the one to compute an answer anew; without Redis each is."""

        async def take(redis: Redis) -> bool:
            return bool(await redis.set(_name(key) + b":claim", b"", nx=True, px=int(CLAIM * 1000)))

        return await signals.attempt(take) is not False


def _started(among: set[asyncio.Task[Any]], call: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    task = asyncio.create_task(call)
    among.add(task)  # the loop itself holds tasks weakly
    task.add_done_callback(among.discard)
    return task


def _name(key: bytes) -> bytes:
    return b"answer:" + key


def _opened(key: bytes, sealed: object) -> Answer | None:
    try:
        plain = seals.unseal(_PURPOSE, sealed) if isinstance(sealed, bytes) else b""
    except ValueError:
        _log.warning("answer_unreadable")
        return None
    start = len(key) + _HEAD.size
    if len(plain) < start or plain[: len(key)] != key:
        return None
    epoch, position, made, ttl = _HEAD.unpack(plain[len(key) : start])
    return Answer(plain[start:], made=made, ttl=ttl, epoch=epoch, position=position)
