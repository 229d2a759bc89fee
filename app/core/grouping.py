"""Group commit: what arrives while a command travels goes in the next one."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import Context
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

T = TypeVar("T")

MOST = 500
"""Things in one command."""


class Grouped(Generic[T]):
    """Sends things a group at a time; an idle one sends at once.

    `send` answers the errors of those that failed, by their place in the group; what it raises, all have met.
    """

    def __init__(self, send: Callable[[Sequence[T]], Awaitable[Mapping[int, Exception]]]) -> None:
        self._send = send
        self._waiting: WeakKeyDictionary[asyncio.AbstractEventLoop, list[tuple[T, asyncio.Future[None]]]] = (
            WeakKeyDictionary()
        )
        self._sending: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Task[None]] = WeakKeyDictionary()

    async def add(self, thing: T) -> None:
        """Returns when the thing was sent; raises what it met."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        self._waiting.setdefault(loop, []).append((thing, done))
        if loop not in self._sending or self._sending[loop].done():
            # An empty context: the task serves many callers, and must not carry one caller's scope or log context.
            self._sending[loop] = loop.create_task(self._run(self._waiting[loop]), context=Context())
        await done

    async def sent(self) -> None:
        """Returns when all that was added here has been sent, or has failed."""
        sending = self._sending.get(asyncio.get_running_loop())
        if sending:
            await asyncio.wait([sending])

    async def _run(self, waiting: list[tuple[T, "asyncio.Future[None]"]]) -> None:
        while waiting:
            group = waiting[:MOST]
            del waiting[:MOST]
            errors: Mapping[int, BaseException] = {}
            try:
                errors = await self._send([thing for thing, _ in group])
            except BaseException as raised:
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
