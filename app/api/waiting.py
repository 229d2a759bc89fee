"""What every WebSocket of uvicorn waits with; asyncio's own take two kilobytes more for each."""

import asyncio
from typing import TYPE_CHECKING

from app.api.wires import Listener

if TYPE_CHECKING:
    from uvicorn._types import ASGIReceiveEvent


class Gate:
    """An event, as `asyncio.Event`, that is open at first and mostly."""

    __slots__ = ("_waiters", "open")

    def __init__(self) -> None:
        self.open = True
        self._waiters: list[asyncio.Future[None]] | None = None

    def is_set(self) -> bool:
        return self.open

    def clear(self) -> None:
        self.open = False

    def set(self) -> None:
        self.open = True
        waiters, self._waiters = self._waiters, None
        for waiter in waiters or ():
            if not waiter.done():
                waiter.set_result(None)

    async def wait(self) -> bool:
        while not self.open:
            waiter = asyncio.get_running_loop().create_future()
            if self._waiters is None:
                self._waiters = []
            self._waiters.append(waiter)
            await waiter
        return True


class Mailbox:
    """A queue, as `asyncio.Queue`, of what an application has not received yet; it has one reader."""

    __slots__ = ("_reader", "_received")

    def __init__(self) -> None:
        self._received: list[ASGIReceiveEvent] = []
        self._reader: asyncio.Future[None] | None = None

    def empty(self) -> bool:
        return not self._received

    def put_nowait(self, event: "ASGIReceiveEvent") -> None:
        self._received.append(event)
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    def get_nowait(self) -> "ASGIReceiveEvent":
        return self._received.pop(0)

    async def get(self) -> "ASGIReceiveEvent":
        while not self._received:
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
        return self.get_nowait()


class Ear:
    """What stands in a mailbox's place once somebody listens."""

    __slots__ = ("_listener",)

    def __init__(self, listener: Listener) -> None:
        self._listener = listener

    def put_nowait(self, event: "ASGIReceiveEvent") -> None:
        if event["type"] == "websocket.receive":
            self._listener.hear(event.get("text"))
        elif event["type"] == "websocket.disconnect":
            self._listener.gone()
