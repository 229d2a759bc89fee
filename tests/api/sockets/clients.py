"""The served schema as a process, and clients of it: polite ones, and raw sockets that need not be."""

import asyncio
import base64
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import httpx
import psutil
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

PATIENCE = 10.0
"""Seconds within which what must happen has to have happened."""
TEXT, CONTINUATION, CLOSE, PING = 0x1, 0x0, 0x8, 0x9

State = dict[str, Any]


class Served:
    """`tests.api.sockets.served` as a process. `options` are uvicorn's; `guards` replace constants."""

    def __init__(self, *, guards: dict[str, float] | None = None, **options: object) -> None:
        self._options = json.dumps({"guards": guards or {}, "uvicorn": options})
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (closed at exit)

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.api.sockets.served", self._options]
        root = Path(__file__).parents[3]
        self.popen = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=self._log)
        assert self.popen.stdout is not None
        line = self.popen.stdout.readline()
        assert line, f"The server did not start:\n{self.log()}"
        self.port = int(line)
        self.process = psutil.Process(self.popen.pid)
        return self

    def __exit__(self, *_: object) -> None:
        self.popen.kill()
        self.popen.communicate()
        self._log.close()

    async def stops(self, seconds: float) -> State:
        """Send SIGTERM; the state at the end, which has to come within so many seconds."""
        self.popen.terminate()
        output, _ = await asyncio.to_thread(self.popen.communicate, timeout=seconds)
        return dict(json.loads(output))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def log(self) -> str:
        self._log.seek(0)
        return self._log.read().decode()

    def rss(self) -> int:
        """Bytes of memory in use."""
        return int(self.process.memory_info().rss)

    async def state(self) -> State:
        async with httpx.AsyncClient(verify=False) as client:
            return dict((await client.get(f"{self.url}/state")).json())

    async def reaches(self, condition: Callable[[State], bool], seconds: float = PATIENCE) -> State:
        """The first state that fulfils the condition."""
        state = await self.state()
        deadline = time.monotonic() + seconds
        while not condition(state):
            assert time.monotonic() < deadline, f"not within {seconds} s: {state}"
            await asyncio.sleep(0.05)
            state = await self.state()
        return state

    @asynccontextmanager
    async def events(
        self, query: str, token: str | None = None, **variables: object
    ) -> AsyncIterator[tuple[httpx.Response, AsyncIterator[str]]]:
        """The response to a request for server-sent events, and the lines of its body."""
        headers = {"Accept": "text/event-stream"} | ({"Authorization": f"Bearer {token}"} if token else {})
        body = {"query": query, "variables": variables}
        async with (
            httpx.AsyncClient(timeout=PATIENCE, verify=False) as client,
            client.stream("POST", f"{self.url}/graphql", json=body, headers=headers) as response,
        ):
            yield response, response.aiter_lines()

    @asynccontextmanager
    async def parts(
        self, query: str, token: str | None = None, *, accept: str = "multipart/mixed"
    ) -> AsyncIterator[tuple[httpx.Response, AsyncIterator[Any]]]:
        """The response to a request for an answer in parts, and what they say."""
        headers = {"Accept": accept} | ({"Authorization": f"Bearer {token}"} if token else {})
        async with (
            httpx.AsyncClient(timeout=PATIENCE, verify=False) as client,
            client.stream("POST", f"{self.url}/graphql", json={"query": query}, headers=headers) as response,
        ):
            yield response, parts(response)

    async def revoke(self, name: str) -> None:
        async with httpx.AsyncClient(verify=False) as client:
            (await client.post(f"{self.url}/revoke/{name}")).raise_for_status()

    async def open(self, gate: str) -> None:
        async with httpx.AsyncClient(verify=False) as client:
            (await client.post(f"{self.url}/open/{gate}")).raise_for_status()

    @asynccontextmanager
    async def socket(self, token: str | None = None, **options: Any) -> AsyncIterator["Client"]:
        """A socket that was acknowledged."""
        async with self.handshake(**options) as client:
            await client.say("connection_init", payload={"authorization": f"Bearer {token}"} if token else None)
            assert await client.hear() == {"type": "connection_ack"}
            yield client

    @asynccontextmanager
    async def handshake(self, *subprotocols: str, **options: Any) -> AsyncIterator["Client"]:
        """A socket on which nothing was said yet."""
        offered = [Subprotocol(name) for name in subprotocols or ("graphql-transport-ws",)]
        address = f"ws://127.0.0.1:{self.port}/graphql"
        async with connect(address, subprotocols=offered, compression=None, **options) as connection:
            yield Client(connection)


async def parts(response: httpx.Response) -> AsyncIterator[Any]:
    """What the parts of a response say, each as soon as the boundary behind it is there, as clients read it."""
    assert response.headers["content-type"].startswith('multipart/mixed; boundary="graphql"')
    read = b""
    async for chunk in response.aiter_bytes():
        *whole, read = (read + chunk).split(b"\r\n--graphql")
        for part in filter(None, whole):
            headers, _, body = part.partition(b"\r\n\r\n")
            assert headers == b"\r\nContent-Type: application/json; charset=utf-8"
            yield json.loads(body)
    assert read == b"--\r\n"


class Client:
    """A client that speaks the protocol, or breaks it on purpose."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def say(self, type: str, **parts: object) -> None:
        await self.connection.send(json.dumps({"type": type, **parts}))

    async def start(self, id: str, query: str, **variables: object) -> None:
        await self.say("subscribe", id=id, payload={"query": query, "variables": variables})

    async def hear(self) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE):
            return dict(json.loads(await self.connection.recv()))

    async def run(self, query: str, id: str = "1", **variables: object) -> list[dict[str, Any]]:
        """All messages of one operation, to its last."""
        await self.start(id, query, **variables)
        messages = [await self.hear()]
        while messages[-1]["type"] == "next":
            messages.append(await self.hear())
        return messages

    async def closed(self) -> tuple[int, str]:
        """The code and the reason with which the server closes; what it says before is passed over."""
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    await self.connection.recv()
        except ConnectionClosed:
            assert self.connection.close_code is not None
            return self.connection.close_code, self.connection.close_reason or ""


class RawSocket:
    """A WebSocket without a library under it: it reads when told, and answers nothing by itself."""

    def __init__(self, port: int, *, receive_buffer: int = 4096) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._socket.settimeout(PATIENCE)
        self._socket.connect(("127.0.0.1", port))
        key = base64.b64encode(os.urandom(16)).decode()
        self._socket.sendall(
            (
                f"GET /graphql HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
                "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
            ).encode()
        )
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            answer += self._socket.recv(1)
        assert answer.startswith(b"HTTP/1.1 101"), answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, *frames: bytes) -> None:
        """Raises OSError when the server has cut the connection."""
        self._socket.sendall(b"".join(frames))

    def say(self, type: str, **parts: object) -> None:
        self.send(frame(TEXT, json.dumps({"type": type, **parts}).encode()))

    def hear(self) -> tuple[int, bytes]:
        """The next frame: its opcode and its payload. Raises OSError when there is none."""
        opcode, length = self._read(2)
        length &= 0x7F
        if length > 125:
            length = int.from_bytes(self._read(2 if length == 126 else 8), "big")
        return opcode & 0x0F, self._read(length)

    def _read(self, length: int) -> bytes:
        read = b""
        while len(read) < length:
            part = self._socket.recv(length - len(read))
            if not part:
                raise ConnectionResetError("the server has closed the connection")
            read += part
        return read


def frame(opcode: int, payload: bytes, *, final: bool = True) -> bytes:
    """A frame of a client; its mask is zero, which leaves the payload as it is."""
    length = len(payload)
    size = bytes([0x80 | length]) if length < 126 else bytes([0x80 | 126]) + length.to_bytes(2, "big")
    return bytes([opcode | (0x80 if final else 0)]) + size + bytes(4) + payload
