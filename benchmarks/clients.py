"""Keep-alive clients of HTTP/1.1 that cost little themselves: bytes out, status and body in."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import httptools

from benchmarks.figures import Round
from benchmarks.processors import spent

WARM_UP_SECONDS = 0.5


def post(path: str, body: bytes, token: str = "") -> bytes:
    """A request with a JSON body, ready to be sent."""
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "Content-Type: application/json",
        "Accept: application/graphql-response+json",
        f"Content-Length: {len(body)}",
    ]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    return "\r\n".join([*lines, "", ""]).encode() + body


class Client(asyncio.Protocol):
    """One connection with at most one request under way; use `Client.open`."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._body: list[bytes] = []
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None

    @classmethod
    async def open(cls, port: int) -> "Client":
        _, client = await asyncio.get_running_loop().create_connection(cls, "127.0.0.1", port)
        return client

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Status and body of the response. Raises ConnectionError when the server hangs up."""
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        self._transport.close()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError("The server closed the connection."))

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        body, self._body = b"".join(self._body), []
        if self._answer is not None and not self._answer.done():
            self._answer.set_result((self._parser.get_status_code(), body))


@dataclass(frozen=True, slots=True)
class Target:
    """What clients ask of a server, and how they know a right answer; `pids` names the processes that work for it."""

    port: int
    request: Callable[[], bytes]
    right: Callable[[bytes], bool]
    pids: Mapping[str, int]


async def ask(target: Target) -> bytes:
    """The body of one answer."""
    client = await Client.open(target.port)
    try:
        _, body = await client.ask(target.request())
        return body
    finally:
        client.close()


async def hammer(target: Target, clients: int, seconds: float) -> Round:
    """Let so many clients ask one request after another, after a short warm-up."""
    opened = [await Client.open(target.port) for _ in range(clients)]
    try:
        await _ask_all(target, opened, WARM_UP_SECONDS)
        start = time.perf_counter()
        with spent(target.pids) as cpu:
            times, errors = await _ask_all(target, opened, seconds)
        return Round.of(time.perf_counter() - start, times, errors, cpu)
    finally:
        for client in opened:
            client.close()


async def _ask_all(target: Target, clients: list[Client], seconds: float) -> tuple[list[float], int]:
    times: list[float] = []
    errors = 0
    deadline = time.perf_counter() + seconds

    async def ask_on(client: Client) -> None:
        nonlocal errors
        while (start := time.perf_counter()) < deadline:
            status, body = await client.ask(target.request())
            times.append(time.perf_counter() - start)
            errors += status != 200 or not target.right(body)

    async with asyncio.TaskGroup() as group:
        for client in clients:
            group.create_task(ask_on(client))
    return times, errors
