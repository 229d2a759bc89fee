"""Sampling: what cannot tell that it changed is looked at once for everybody who wants to know."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextvars import Context
from typing import Generic, TypeVar

import structlog

from app.core.tasks import cancelled, end

T = TypeVar("T")

SECONDS = 1.0

_log = structlog.stdlib.get_logger(__name__)


class Sampling(Generic[T]):
    """A value that is looked up each second while somebody in this process follows it.

    It has changed when its `key` is not equal to the one before.
    """

    def __init__(self, look: Callable[[], Awaitable[T]], key: Callable[[T], object] = lambda value: value) -> None:
        self._look, self._key = look, key
        self._followers = 0
        self._task: asyncio.Task[None] | None = None
        self._seen: list[T] = []
        """The newest sample, if there is one."""
        self._version = 0
        self._changed = asyncio.Event()

    async def follow(self) -> AsyncGenerator[T, None]:
        """The value, then each that it changes to; a slow reader misses what is replaced meanwhile."""
        if not self._followers:
            self._seen = []
            self._task = asyncio.create_task(self._run(), context=Context())
        self._followers += 1
        known = 0
        try:
            while True:
                while not self._seen or self._version == known:
                    await self._changed.wait()
                known = self._version
                yield self._seen[0]
        finally:
            self._followers -= 1
            if not self._followers and self._task:
                await end(self._task)

    async def _run(self) -> None:
        while not cancelled():
            try:
                value = await self._look()
            except Exception as error:  # the next look may succeed
                _log.warning("sample_failed", error=repr(error)[:500])
            else:
                if not self._seen or self._key(self._seen[0]) != self._key(value):
                    self._seen, self._version = [value], self._version + 1
                    self._changed.set()
                    self._changed = asyncio.Event()
            await asyncio.sleep(SECONDS)
