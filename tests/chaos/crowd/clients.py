"""Clients of which one process holds thousands: a protocol of asyncio's, and of WebSockets as much as it takes."""

import asyncio
import base64
import json
import os
import time
from collections.abc import Callable
from random import Random
from typing import Any, cast
from urllib.parse import urlsplit

from tests.chaos.conversations.clients import FOLLOW
from tests.world import Person

PATIENT = 4
"""How many times longer than at first they spread their return in the end."""
PATIENCE_SECONDS = 30.0
"""How long a client waits for the acknowledgement before it begins anew."""

_TEXT, _CLOSE, _PING, _PONG = 0x1, 0x8, 0x9, 0xA
_SUBSCRIPTION = "s"


class Socket(asyncio.Protocol):
    """A WebSocket that is signed in as soon as it can be, and says which messages come."""

    def __init__(self, person: Person, hear: Callable[[dict[str, Any]], None]) -> None:
        self._person, self._hear = person, hear
        self._data = b""
        self._upgraded = False
        self.transport: asyncio.Transport | None = None
        self.lost = asyncio.get_running_loop().create_future()

    async def connect(self) -> None:
        """Raises OSError."""
        address = urlsplit(self._person.world.url)
        await asyncio.get_running_loop().create_connection(lambda: self, str(address.hostname), address.port or 80)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        key = base64.b64encode(os.urandom(16)).decode()
        host = urlsplit(self._person.world.url).netloc
        self.transport.write(
            f"GET /graphql HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nUser-Agent: crowd\r\n"
            "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n".encode()
        )

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.lost.done():
            self.lost.set_result(None)

    def say(self, type: str, **parts: object) -> None:
        self._send(_TEXT, json.dumps({"type": type, **parts}).encode())

    def abort(self) -> None:
        if self.transport:
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        data = self._data + data
        if not self._upgraded:
            head, end, data = data.partition(b"\r\n\r\n")
            if not end:
                self._data = head
                return
            if not head.startswith(b"HTTP/1.1 101"):
                self.abort()
                return
            self._upgraded = True
            self.say("connection_init", payload={"authorization": f"Bearer {self._person.token}"})
        start = 0
        while (frame := _frame(data, start)) is not None:
            opcode, first, start = frame
            payload = data[first:start]
            if opcode == _TEXT:
                self._hear(json.loads(payload))
            elif opcode == _PING:
                self._send(_PONG, payload)
            elif opcode == _CLOSE:
                self.abort()
        self._data = data[start:]

    def _send(self, opcode: int, payload: bytes) -> None:
        """A frame whose mask is zero."""
        assert self.transport
        length = len(payload)
        size = bytes([0x80 | length]) if length < 126 else bytes([0x80 | 126]) + length.to_bytes(2, "big")
        self.transport.write(bytes([0x80 | opcode]) + size + bytes(4) + payload)


class Member:
    """One of the crowd: a socket with one subscription, that resumes where it was."""

    def __init__(self, person: Person, conversation: str, cursor: str, jitter: float) -> None:
        self._person, self._conversation, self._cursor, self._jitter = person, conversation, cursor, jitter
        self.heard: list[tuple[str, float]] = []
        """The messages, by what their sender called them, and when they came."""
        self.listening = False
        self._socket: Socket | None = None

    async def stay(self, random: Random) -> None:
        """Until cancelled."""
        try:
            most = self._jitter
            while True:
                most = self._jitter if await self._listen() else min(most * 2, self._jitter * PATIENT)
                await asyncio.sleep(random.uniform(0, most))
        finally:
            if self._socket:
                self._socket.abort()

    async def _listen(self) -> bool:
        """Whether it came to hear anything, now that it does not any more."""
        listened = False
        socket = self._socket = Socket(self._person, self._hear)
        try:
            await socket.connect()
            await asyncio.wait([socket.lost], timeout=PATIENCE_SECONDS)
            listened = self.listening
            if listened:
                await socket.lost
        except OSError:
            pass
        finally:
            self.listening = False
            socket.abort()
        return listened

    def _hear(self, message: dict[str, Any]) -> None:
        assert self._socket
        match message["type"]:
            case "connection_ack":
                variables = {"id": self._conversation, "after": self._cursor}
                self._socket.say("subscribe", id=_SUBSCRIPTION, payload={"query": FOLLOW, "variables": variables})
                self._socket.say("ping")  # answered when the subscription was taken up
            case "pong":
                self.listening = True
            case "next" if not message["payload"].get("errors"):
                event = message["payload"]["data"]["conversationEvents"]
                self._cursor = event["cursor"] or self._cursor
                if event["__typename"] == "MessageSent":
                    self.heard.append((event["message"]["clientMessageId"], time.monotonic()))
            case _:
                self._socket.abort()


class Passer:
    """Somebody who begins and ends subscriptions, and leaves."""

    def __init__(self, person: Person, conversation: str) -> None:
        self._conversation = conversation
        self._answered: asyncio.Future[None] | None = None
        self._socket = Socket(person, self._hear)
        self._number = 0

    async def come(self) -> None:
        self._answered = asyncio.get_running_loop().create_future()
        await self._socket.connect()
        await self._answer()

    def begin(self) -> str:
        """Subscribe, under the id that is answered."""
        self._number += 1
        payload = {"query": FOLLOW, "variables": {"id": self._conversation}}
        self._socket.say("subscribe", id=str(self._number), payload=payload)
        return str(self._number)

    def end(self, id: str) -> None:
        self._socket.say("complete", id=id)

    async def rest(self) -> None:
        """Wait until the server has dealt with everything that was said."""
        self._answered = asyncio.get_running_loop().create_future()
        self._socket.say("ping")
        await self._answer()

    def leave(self) -> None:
        self._socket.abort()

    async def _answer(self) -> None:
        assert self._answered
        async with asyncio.timeout(PATIENCE_SECONDS * 4):
            done, _ = await asyncio.wait([self._answered, self._socket.lost], return_when=asyncio.FIRST_COMPLETED)
        assert self._answered in done, "the server has closed the socket"

    def _hear(self, message: dict[str, Any]) -> None:
        if message["type"] in ("connection_ack", "pong") and self._answered and not self._answered.done():
            self._answered.set_result(None)


def _frame(data: bytes, start: int) -> tuple[int, int, int] | None:
    """The opcode of the frame that begins at `start`, where its payload begins and ends; None: not all is there."""
    if len(data) < start + 2:
        return None
    length, first = data[start + 1] & 0x7F, start + 2
    if length > 125:
        first += 2 if length == 126 else 8
        if len(data) < first:
            return None
        length = int.from_bytes(data[start + 2 : first], "big")
    return None if len(data) < first + length else (data[start] & 0x0F, first, first + length)
