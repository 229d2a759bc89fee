"""Group commit: what arrives while a command travels goes in the next one."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import Context
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

T = TypeVar("T")

MOST = 500
"""Things in one command."""


class _Line(Generic[T]):
    """What waits in one event loop, and the task that sends it."""

    def __init__(self) -> None:
        self.waiting: deque[tuple[T, asyncio.Future[None]]] = deque()
        self.sending: asyncio.Task[None] | None = None


class Grouped(Generic[T]):
    """Sends things a group at a time; an idle one sends at once.

    `send` answers the errors of those that failed, by their place in the group; what it raises, all have met. The sum
    of the `size` of things in a group is `largest` at most, if it is not a single one.
    """

    def __init__(
        self,
        send: Callable[[Sequence[T]], Awaitable[Mapping[int, Exception]]],
        *,
        size: Callable[[T], int] = lambda _: 0,
        largest: int = 0,
    ) -> None:
        self._send, self._size, self._largest = send, size, largest
        self._lines: WeakKeyDictionary[asyncio.AbstractEventLoop, _Line[T]] = WeakKeyDictionary()

    def add(self, thing: T) -> "asyncio.Future[None]":
        """To be awaited: done when the thing was sent, with the error that it met.

        Cancelled before the thing left, it takes it back; after that the fate of the thing is not known.
        """
        loop = asyncio.get_running_loop()
        line = self._lines.get(loop) or self._lines.setdefault(loop, _Line())
        done: asyncio.Future[None] = loop.create_future()
        line.waiting.append((thing, done))
        if line.sending is None or line.sending.done():
            # An empty context: the task serves many callers, and must not carry one caller's scope or log context.
            line.sending = loop.create_task(self._run(line), context=Context())
        return done

    async def sent(self) -> None:
        """Returns when all that was added here has been sent, or has failed."""
        line = self._lines.get(asyncio.get_running_loop())
        if line and line.sending:
            await asyncio.wait([line.sending])

    async def _run(self, line: _Line[T]) -> None:
        while group := self._take(line.waiting):
            errors: Mapping[int, BaseException] = {}
            try:
                errors = await self._send([thing for thing, _ in group])
            except BaseException as raised:  # not known whether any of them was sent
                errors = dict.fromkeys(range(len(group)), raised)
                if not isinstance(raised, Exception):
                    raise
            finally:
                for place, (_, done) in enumerate(group):
                    if done.done():
                        continue
                    if place in errors:
                        done.set_exception(errors[place])
                    else:
                        done.set_result(None)

    def _take(self, waiting: "deque[tuple[T, asyncio.Future[None]]]") -> "list[tuple[T, asyncio.Future[None]]]":
        """The next group, without what was taken back."""
        group: list[tuple[T, asyncio.Future[None]]] = []
        size = 0
        while waiting and len(group) < MOST:
            thing, done = waiting[0]
            if not done.cancelled():
                size += self._size(thing)
                if group and size > self._largest:
                    break
                group.append((thing, done))
            waiting.popleft()
        return group
