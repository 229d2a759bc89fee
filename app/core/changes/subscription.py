"""One subscription: a stretch read from the log, then what the hub's tail brings, without a seam.

It registers with the hub first; from then on every new change of its streams goes into its queue. Then it reads the
log up to the position that the hub had at that moment, then it drains the queue, whose changes are all beyond. The two
parts meet exactly, because the tail has no holes.
"""

import asyncio
from collections import deque
from typing import Protocol, Self

from app.core.changes import log
from app.core.changes.log import PAGE, Change
from app.core.errors import ResyncRequired

QUEUE = 256
"""Changes that a slow subscriber may leave unread; beyond, it reads on from the log."""


class Tail(Protocol):
    """What a subscription needs of the hub."""

    position: int
    resyncs: int

    def add(self, subscription: "Subscription") -> None: ...

    def discard(self, subscription: "Subscription") -> None: ...

    def same(self, change: Change) -> Change: ...


class Subscription:
    """An async iterator of changes, for one reader, to be used inside `async with`."""

    def __init__(self, tail: Tail, streams: frozenset[str], after: int | None) -> None:
        self.streams = streams
        self._tail, self._after = tail, after
        self._start = 0
        """The hub's position when this was registered (again): the log is read up to here."""
        self._read = 0
        """The position up to which the log has been read."""
        self._page: deque[Change] = deque()
        self._queue: deque[Change] = deque()
        self._overrun = self._broken = self._ended = False
        self._more = asyncio.Event()
        self.position = 0
        """The position up to which everything has been handed out: where to go on after a disconnection."""

    async def __aenter__(self) -> Self:
        self._register()
        self.position = self._read = self._start if self._after is None else self._after
        try:
            await self._check_cursor()
        except BaseException:
            self._tail.discard(self)
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        self._tail.discard(self)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Change:
        while not self._ended:
            change = await self.missed()
            if change is not None:
                return change
            self._more.clear()
            await self._more.wait()
        raise StopAsyncIteration

    async def missed(self) -> Change | None:
        """The next change that the hub has heard; None, without an `await` since it was so, when there is none."""
        while not self._ended:
            if self._broken:
                raise ResyncRequired("The order of changes was begun anew. Read the state again and follow from there.")
            if self._page:
                return self._hand_out(self._page.popleft())
            self.position = self._read
            if self._read < self._start:
                await self._read_page()
            elif self._queue:
                change = self._queue.popleft()
                if change.position > self._read:  # a cursor of another process may be ahead of this one
                    return self._hand_out(change)
            elif self._overrun:
                self._register()
            else:
                break
        return None

    @property
    def ended(self) -> bool:
        """Whether the process is about to end, and this with it."""
        return self._ended

    def push(self, change: Change) -> None:
        """Take a change from the tail. A full queue takes no more until it was drained and the log read on."""
        if len(self._queue) >= QUEUE:
            self._overrun = True
        if not self._overrun:
            self._queue.append(change)
        self._more.set()

    def break_off(self) -> None:
        """Positions lost their meaning."""
        self._broken = True
        self._more.set()

    def end(self) -> None:
        """The process is about to end."""
        self._ended = True
        self._more.set()

    def _register(self) -> None:
        """Without an `await`: no change may pass between registering and noting the position."""
        self._tail.add(self)
        self._overrun, self._start = False, self._tail.position

    def _hand_out(self, change: Change) -> Change:
        self.position, self._read = change.position, max(self._read, change.position)
        return change

    async def _check_cursor(self) -> None:
        if self._read < self._start:
            await self._check_floor()
        elif self._read > self._start and self._read > await log.head():
            raise ResyncRequired("The cursor is ahead of the log. Read the state again and follow from there.")

    async def _read_page(self) -> None:
        where = {"s": {"$in": list(self.streams)}, "_id": {"$gt": self._read, "$lte": self._start}}
        page = await log.read(where, PAGE)
        await self._check_floor()
        self._page.extend(map(self._tail.same, page))
        self._read = page[-1].position if len(page) == PAGE else self._start

    async def _check_floor(self) -> None:
        """After a page was read: the floor rises before anything is deleted, so a page above it was whole."""
        if self._read < (await log.state()).floor:
            self._tail.resyncs += 1
            raise ResyncRequired("The log does not reach back that far. Read the state again and follow from there.")
