"""One event to many subscribers with a socket each; and how HTTP fares beside it.

Each turn has a server that was just started, for memory once taken is not given back. Atrium's event is a message that
is stored, numbered and read from the change log; the others' is told from memory.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Executor
from typing import Any

import orjson
import psutil

from benchmarks.clients import post
from benchmarks.figures import Contestant, Measurement, Round
from benchmarks.peers import crowd, data
from benchmarks.peers.contenders import ATRIUM, GRAPHQL_WS, SOCKET_IO, STRAWBERRY, Contender
from benchmarks.peers.crowd import Heard, Speech
from benchmarks.peers.load import Pace
from benchmarks.peers.pages import answers, asks
from benchmarks.peers.stage import Server, Stage
from benchmarks.processors import spent

SIZES = (1_000, 5_000, 10_000)
LARGEST = max(SIZES)
SETTLE_SECONDS = 1.0
"""After which memory is read."""
WARM_UP_SECONDS = 0.5
HTTP_A_SECOND = 50
HTTP_SECONDS = 3.0
APART = 0.2
"""Seconds between two bursts at least, while HTTP is measured."""

SUBSCRIPTION = (
    "subscription Follow($room: String!) { messagePosted(room: $room) { message { id text room sender { id name } } } }"
)
SMALL_QUERY = "{ catalogue(first: 1) { id title } }"

KB, QUIET, BURSTS, RATIO = "kB\na socket", "HTTP p95\nms, quiet", "HTTP p95\nms, bursts", "times\nquiet"
CLIENT, CONNECTED = "client\nCPU µs", "connected\nin s"

_payload = {"query": SUBSCRIPTION, "variables": {"room": data.ROOM}}
_subscribe = {"id": "operation-{n}", "type": "subscribe", "payload": _payload}
TRANSPORT_WS = Speech(
    path="/graphql",
    subprotocol="graphql-transport-ws",
    hello='{"type":"connection_init"}',
    answers=(('{"type":"connection_ack"', orjson.dumps(_subscribe).decode()),),
    listens='{"type":"connection_ack"',
)
ENGINE_IO = Speech(
    path="/socket.io/?EIO=4&transport=websocket",
    subprotocol="",
    hello="",
    answers=(("0{", "40"), ("40{", ""), ("2", "3")),
    listens="40{",
)


def prepare(stage: Stage, clients: Executor, sizes: Sequence[int] = SIZES) -> list[Measurement]:
    """A measurement of each size, and of HTTP at the largest; `clients` runs the sockets in a process of its own."""
    return [
        Measurement(
            title(size),
            "deliveries",
            [
                Contestant(contender.name, _turn(stage, clients, contender, speech, size, size == max(sizes)))
                for contender, speech in (
                    (ATRIUM, TRANSPORT_WS),
                    (SOCKET_IO, ENGINE_IO),
                    (GRAPHQL_WS, TRANSPORT_WS),
                    (STRAWBERRY, TRANSPORT_WS),
                )
            ],
        )
        for size in sizes
    ]


def title(size: int) -> str:
    return f"One event to {size:,} subscribers, a socket each"


def _turn(
    stage: Stage, clients: Executor, contender: Contender, speech: Speech, size: int, with_http: bool
) -> Callable[[float], Coroutine[Any, Any, Round]]:
    async def call(function: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(clients, function, *arguments)

    async def turn(seconds: float) -> Round:
        with stage.fresh(contender) as server:
            try:
                await call(crowd.join, server.port, speech, 1)
                await call(crowd.leave)
                empty = _resident(server)
                connected: float = await call(crowd.join, server.port, speech, size)
                await asyncio.sleep(SETTLE_SECONDS)
                also = {KB: (_resident(server) - empty) / size / 1_000, CONNECTED: connected}
                await call(crowd.hear, WARM_UP_SECONDS)
                with spent({"server": server.pid, **stage.pids}) as cpu:
                    heard: Heard = await call(crowd.hear, seconds)
                errors = heard.errors
                if with_http:
                    quiet, wrong = await _http(server, asyncio.sleep(HTTP_SECONDS))
                    bursts, wrong_too = await _http(server, call(crowd.hear, HTTP_SECONDS, APART))
                    also |= {QUIET: quiet, BURSTS: bursts, RATIO: bursts / quiet}
                    errors += wrong + wrong_too
            finally:
                await call(crowd.leave)
        also[CLIENT] = heard.cpu / len(heard.times) * 1e6
        return Round.of(heard.seconds, heard.times, errors, cpu, also)

    return turn


async def _http(server: Server, meanwhile: Coroutine[Any, Any, Any]) -> tuple[float, int]:
    """The 95th percentile, in ms, of small queries that come at a pace while something lasts; and the wrong answers."""
    [course] = data.catalogue(1)
    right = answers({"catalogue": [{"id": course["id"], "title": course["title"]}]})
    pace, over = Pace(server.port, post("/graphql", asks(SMALL_QUERY)), right), asyncio.Event()
    try:
        asking = asyncio.create_task(pace.keep(HTTP_A_SECOND, over))
        await meanwhile
        over.set()
        times, errors = await asking
    finally:
        pace.close()
    return sorted(times)[len(times) * 95 // 100] * 1e3, errors


def _resident(server: Server) -> int:
    """Bytes of memory that the server holds."""
    return psutil.Process(server.pid).memory_info().rss
