"""Clients that do not read, or ping without measure, are let go, and cost little until then (R35, R36)."""

import asyncio
import json
import socket
import time
from contextlib import ExitStack

import psutil
import pytest

from tests.api.sockets.clients import CLOSE, CONTINUATION, PATIENCE, PING, TEXT, RawSocket, Served, frame

MIB = 1024 * 1024


def subscribed(port: int, size: int) -> RawSocket:
    """A raw socket that follows 100 ticks a second, each of `size` characters."""
    client = RawSocket(port)
    client.say("connection_init")
    assert client.hear()[1] == b'{"type":"connection_ack"}'
    query = "subscription ($size: Int!) { ticks(every: 0.01, size: $size) }"
    client.say("subscribe", id="1", payload={"query": query, "variables": {"size": size}})
    client.hear()
    return client


def connections(served: Served) -> int:
    """Sockets of clients that the server holds open."""
    return sum(1 for one in served.process.net_connections("tcp") if one.status == psutil.CONN_ESTABLISHED)


@pytest.mark.timeout(90)
async def test_r35_clients_that_stop_reading_are_gone_within_45_seconds() -> None:
    silent = 5
    with Served() as served, ExitStack() as clients:
        async with served.socket() as reader:
            await reader.start("1", "subscription { ticks(every: 0.01, size: 1000) }")
            await reader.hear()
            rss, idle, started = served.rss(), connections(served), time.monotonic()
            for number in range(silent):
                clients.enter_context(subscribed(served.port, 1_000 if number % 2 else 20_000))
            assert (await served.state())["ticking"] == silent + 1
            heard: list[int] = []

            async def read() -> None:
                while True:
                    heard.append(int((await reader.hear())["payload"]["data"]["ticks"].rstrip(".")))

            reading = asyncio.create_task(read())
            await served.reaches(lambda state: state["ticking"] == 1 and state["open"] == 1, seconds=45)
            reading.cancel()
            assert time.monotonic() - started < 45
            assert connections(served) <= idle
            assert served.rss() - rss < silent * 2 * MIB
            assert heard == list(range(1, len(heard) + 1))
            assert len(heard) > 1_000


async def test_a_client_that_reads_too_slowly_is_closed_although_no_ping_is_due() -> None:
    with Served(
        guards={"uvicorn_protocol.STALL_SECONDS": 1, "uvicorn_protocol.LINGER_SECONDS": 0.5}, ws_ping_interval=None
    ) as served:
        idle = connections(served)
        with subscribed(served.port, 30_000):
            await served.reaches(lambda state: state["ticking"] == 0 and state["open"] == 0)
            async with asyncio.timeout(PATIENCE):
                while connections(served) > idle:
                    await asyncio.sleep(0.05)


async def test_a_stream_of_events_that_nobody_reads_is_cut_off() -> None:
    with Served(guards={"uvicorn_protocol.STALL_SECONDS": 1}) as served, socket.socket() as client:
        idle = connections(served)
        body = json.dumps({"query": "subscription { ticks(size: 30000) }"})
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", served.port))
        client.sendall(
            (
                f"POST /graphql HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\nAccept: text/event-stream\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
            ).encode()
        )
        assert client.recv(1024).startswith(b"HTTP/1.1 200")
        await served.reaches(lambda state: state["ticking"] == 0)
        assert connections(served) <= idle


async def test_a_client_that_answers_no_ping_is_cut_off() -> None:
    with Served(
        guards={"uvicorn_protocol.STALL_SECONDS": 3600, "uvicorn_protocol.LINGER_SECONDS": 3600},
        ws_ping_interval=1,
        ws_ping_timeout=1,
    ) as served:
        idle = connections(served)
        with subscribed(served.port, 30_000):
            await served.reaches(lambda state: state["ticking"] == 0 and state["open"] == 0)
            assert connections(served) <= idle


async def test_a_client_that_leaves_the_closing_unread_is_cut_off() -> None:
    with Served(guards={"uvicorn_protocol.LINGER_SECONDS": 0.5}) as served:
        idle = connections(served)
        with subscribed(served.port, 30_000) as client:
            await asyncio.sleep(1)
            client.say("connection_init")
            client.send(frame(CLOSE, b""))
            async with asyncio.timeout(PATIENCE):
                while connections(served) > idle:
                    await asyncio.sleep(0.05)


@pytest.mark.parametrize("size", [0, 125])
async def test_r36_a_flood_of_pings_is_cut_off_before_it_costs_memory(size: int) -> None:
    with Served() as served:
        await flood(served, size)


async def test_r36_pings_are_not_answered_into_a_full_buffer() -> None:
    with Served(guards={"uvicorn_protocol.MAX_PINGS": 1e9}) as served:
        await flood(served, 125)


async def flood(served: Served, size: int) -> None:
    """Ping for ten seconds without reading; the server must cut it short, 5 MB poorer at most."""
    rss = most = served.rss()
    with RawSocket(served.port) as client:
        pings = frame(PING, bytes(size)) * 2_000
        deadline = time.monotonic() + 10
        with pytest.raises(OSError):
            while time.monotonic() < deadline:
                await asyncio.to_thread(client.send, pings)
                most = max(most, served.rss())
    assert time.monotonic() < deadline
    await served.reaches(lambda state: state.get("open", 0) == 0)
    assert max(most, served.rss()) - rss < 5_000_000


async def test_r36_more_than_50_pings_a_second_close_with_1008(served: Served) -> None:
    with RawSocket(served.port) as client:
        client.send(*[frame(PING, b"")] * 200)
        opcode, payload = client.hear()
        while opcode != CLOSE:
            opcode, payload = client.hear()
        assert payload == (1008).to_bytes(2, "big") + b"Too many pings"


async def test_pings_with_measure_are_answered(served: Served) -> None:
    with RawSocket(served.port) as client:
        for number in range(40):
            client.send(frame(PING, str(number).encode()))
            assert client.hear() == (0xA, str(number).encode())


async def test_a_message_may_come_in_fragments(served: Served) -> None:
    text = json.dumps({"type": "ping", "payload": {"text": "é" * 5_000}}, ensure_ascii=False).encode()
    with RawSocket(served.port) as client:
        client.send(frame(TEXT, text[:7_000], final=False), frame(CONTINUATION, b"", final=False))
        client.send(frame(PING, b"between"), frame(CONTINUATION, text[7_000:]))
        assert client.hear() == (0xA, b"between")
        assert json.loads(client.hear()[1])["type"] == "pong"
