"""Load over HTTP/1.1 that costs the clients little: prepared requests, and answers that are counted and not parsed."""

import asyncio
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from benchmarks.clients import Client
from benchmarks.figures import Round, WrongAnswer
from benchmarks.processors import spent

WARM_UP_REQUESTS, WARM_UP_SECONDS = 2_000, 10.0
"""Before the first round, so that compilers have seen their work: so many answers, or so long."""
SETTLE_SECONDS = 0.3
"""Before each round."""
FRESH_SECONDS = 2.0
BACKLOG_SECONDS = 600.0
"""How long requests by the clock may take that a server was too busy for."""
PATIENCE = 15.0
"""Seconds within which the last answers must come."""

_OK = b"HTTP/1.1 200"
_BLANK_LINE = b"\r\n\r\n"
_LAST_CHUNK = b"\r\n0\r\n\r\n"
_TAIL = 24


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request, ready to be sent, and the answer to it: its length as it is framed, and its end."""

    port: int
    request: bytes
    length: int
    tail: bytes

    @classmethod
    async def tried(cls, port: int, request: bytes, right: Callable[[bytes], bool]) -> "Exchange":
        """Raises WrongAnswer unless the server answers with 200 and with what is `right`."""
        client = await Client.open(port)
        try:
            status, body = await client.ask(request)
        finally:
            client.close()
        if status != 200 or not right(body):
            raise WrongAnswer(f"{request.decode()}\nwas answered with {status}: {body[:4_000].decode()}")
        framed = await _framed(port, request)
        return cls(port, request, len(framed), framed[-_TAIL:])


async def _framed(port: int, request: bytes) -> bytes:
    """The body of an answer as it is on the wire: as long as its head says, or in chunks."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        head = (await reader.readuntil(_BLANK_LINE)).lower()
        if b"\r\ncontent-length:" not in head:
            return await reader.readuntil(_LAST_CHUNK)
        return await reader.readexactly(int(head.partition(b"\r\ncontent-length:")[2].split()[0]))
    finally:
        writer.close()


class _Connection(asyncio.Protocol):
    """Sends the request again and again, each time when the answer to it has come, and ends at the first wrong one.

    An answer is right when its status is 200, its body as long as it should be, and the end of it the right one.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._until = self._sent = 0.0
        self._left: int | None = None
        """Bytes of the answer that are still to come; None before its first."""
        self._times: list[float] = []
        self._most = 0
        self._done: asyncio.Future[bool] | None = None

    @classmethod
    async def open(cls, exchange: Exchange) -> "_Connection":
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(lambda: cls(exchange), "127.0.0.1", exchange.port)
        return connection

    async def ask_until(self, moment: float, times: list[float], most: int) -> bool:
        """Add the seconds that each answer took, until there are `most`; whether all were right."""
        self._until, self._times, self._most = moment, times, most
        self._done = asyncio.get_running_loop().create_future()
        self._send()
        try:
            async with asyncio.timeout(moment - time.perf_counter() + PATIENCE):
                return await self._done
        except TimeoutError:
            return False

    def close(self) -> None:
        self._transport.close()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self._left is None:
            body = len(data) - data.find(_BLANK_LINE) - len(_BLANK_LINE)
            self._left = self._exchange.length - body if data.startswith(_OK) else -1
        else:
            self._left -= len(data)
        if self._left > 0:
            return
        moment = time.perf_counter()
        if self._left < 0 or not data.endswith(self._exchange.tail[-len(data) :]):
            self._end(right=False)
            return
        self._times.append(moment - self._sent)
        if moment < self._until and len(self._times) < self._most:
            self._send()
        else:
            self._end(right=True)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(right=False)

    def _send(self) -> None:
        self._left, self._sent = None, time.perf_counter()
        self._transport.write(self._exchange.request)

    def _end(self, *, right: bool) -> None:
        self._left = None
        if self._done is not None and not self._done.done():
            self._done.set_result(right)


async def warm_up(exchange: Exchange, clients: int) -> None:
    opened = [await _Connection.open(exchange) for _ in range(clients)]
    await _ask_all(opened, WARM_UP_SECONDS, WARM_UP_REQUESTS)
    for connection in opened:
        connection.close()


async def hammer(exchange: Exchange, clients: int, seconds: float, pids: Mapping[str, int]) -> Round:
    """Let so many clients ask one request after another, after a short warm-up."""
    opened = [await _Connection.open(exchange) for _ in range(clients)]
    try:
        await _ask_all(opened, SETTLE_SECONDS)
        start = time.perf_counter()
        with spent(pids) as cpu:
            times, errors = await _ask_all(opened, seconds)
        return Round.of(time.perf_counter() - start, times, errors, cpu)
    finally:
        for connection in opened:
            connection.close()


async def _ask_all(connections: list[_Connection], seconds: float, most: int = sys.maxsize) -> tuple[list[float], int]:
    """The seconds that each answer took, and how many connections ended with a wrong one."""
    times: list[float] = []
    until = time.perf_counter() + seconds
    right = await asyncio.gather(*(connection.ask_until(until, times, most) for connection in connections))
    return times, right.count(False)


class Pace:
    """Requests by the clock, whether or not the ones before were answered, each on a connection of its own."""

    def __init__(self, port: int, request: bytes, right: Callable[[bytes], bool]) -> None:
        self._port, self._request, self._right = port, request, right
        self._idle: list[tuple[Client, float]] = []

    async def keep(self, a_second: float, until: asyncio.Event) -> tuple[list[float], int]:
        """The seconds that each answer took from the moment it was due, and how many were wrong."""
        times: list[float] = []
        errors = 0

        async def ask(due: float) -> None:
            nonlocal errors
            client = await self._client()
            status, body = await client.ask(self._request)
            times.append(time.perf_counter() - due)
            errors += status != 200 or not self._right(body)
            self._idle.append((client, time.perf_counter()))

        async with asyncio.timeout(BACKLOG_SECONDS), asyncio.TaskGroup() as group:
            due = time.perf_counter()
            while not until.is_set():
                group.create_task(ask(due))
                due += 1 / a_second
                await asyncio.sleep(due - time.perf_counter())
        return times, errors

    def close(self) -> None:
        for client, _ in self._idle:
            client.close()

    async def _client(self) -> Client:
        """One that asked a moment ago, or a new one: what is idle for long may be closed by the server at any time."""
        if self._idle and time.perf_counter() < self._idle[-1][1] + FRESH_SECONDS:
            return self._idle.pop()[0]
        return await Client.open(self._port)
