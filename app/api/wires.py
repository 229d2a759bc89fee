"""How a GraphQL socket reaches its client: through the server's own protocol object, or through ASGI's messages."""

import asyncio
from collections import deque
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Protocol

from starlette.types import Receive, Send

from app.api.frames import Next

EXTENSION = "atrium.wire"
"""The extension of a scope in which a server offers its own wire."""
HIGH_WATER = 65_536
"""Bytes that may wait for a client before it counts as slow."""


class Gone(Exception):
    """The client left, or the server cut it off."""


class Listener(Protocol):
    """The other end of a wire: the socket that the application has."""

    def hear(self, text: str | None) -> None:
        """A message came; None for a binary one."""

    def gone(self) -> None:
        """Nothing will come any more, and nothing arrives."""


class Wire(Protocol):
    def offer(self, message: Next, id: bytes) -> bool:
        """Send a result at once. False when the client reads too slowly, or is gone: then nothing was sent."""

    def say(self, message: bytes) -> None:
        """Send a message, however much waits already; nothing happens when the client is gone."""

    async def drained(self) -> None:
        """Wait while the client reads more slowly than is written. Raises Gone."""

    async def close(self, code: int, reason: str) -> None:
        """End the connection, after what was said before."""

    def read_on(self) -> None:
        """Everything that was heard has been dealt with: the next may come."""

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something that the server waits for when it stops."""


class MessageWire:
    """A wire of ASGI's messages, for servers that offer none of their own."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._sending: asyncio.Task[None] | None = None
        self._sent = asyncio.Event()
        self._over = asyncio.Event()
        self._attended = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, listener: Listener, receive: Receive) -> None:
        """Let the listener hear until either side is done; returns when all that was spawned has ended."""
        reading = asyncio.create_task(self._read(listener, receive))
        over = asyncio.create_task(self._over.wait())
        try:
            await asyncio.wait({reading, over}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._fail()
            listener.gone()
            for task in (reading, over):
                task.cancel()
            while self._tasks:
                await asyncio.wait(self._tasks)

    def offer(self, message: Next, id: bytes) -> bool:
        if self._over.is_set() or self._size > HIGH_WATER:
            return False
        self.say(message.message(id))
        return True

    def say(self, message: bytes) -> None:
        if self._over.is_set():
            return
        self._waiting.append(message)
        self._size += len(message)
        if self._sending is None:
            self._sending = self.spawn(self._send_all())

    async def drained(self) -> None:
        while self._size > HIGH_WATER and not self._over.is_set():
            await self._next_sent()
        if self._over.is_set():
            raise Gone

    async def close(self, code: int, reason: str) -> None:
        while self._waiting and not self._over.is_set():
            await self._next_sent()
        if not self._over.is_set():
            with suppress(OSError):
                await self._send({"type": "websocket.close", "code": code, "reason": reason})
            self._fail()

    def read_on(self) -> None:
        self._attended.set()

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _read(self, listener: Listener, receive: Receive) -> None:
        while (event := await receive())["type"] != "websocket.disconnect":
            self._attended.clear()
            listener.hear(event.get("text"))
            await self._attended.wait()

    async def _send_all(self) -> None:
        try:
            while self._waiting:
                await self._send({"type": "websocket.send", "text": self._waiting[0].decode()})
                self._size -= len(self._waiting.popleft())
                self._sent.set()
        except OSError:
            self._fail()
        finally:
            self._sending = None

    async def _next_sent(self) -> None:
        self._sent.clear()
        await self._sent.wait()

    def _fail(self) -> None:
        self._over.set()
        self._sent.set()
