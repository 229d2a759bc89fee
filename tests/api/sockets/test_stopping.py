"""What SIGTERM means for sockets and streams (R40, their half)."""

import asyncio
from contextlib import AsyncExitStack

import httpx
import pytest

from tests.api.sockets.clients import RawSocket, Served


async def test_r40_sockets_get_1012_and_mutations_end() -> None:
    with Served() as served:
        async with AsyncExitStack() as stack:
            clients = [await stack.enter_async_context(served.socket("ada")) for _ in range(50)]
            for client in clients:
                await client.start("1", "subscription { ticks }")
                await client.hear()
            await clients[0].start("2", 'mutation { note(text: "last words", seconds: 1) }')
            await clients[0].say("ping")
            while (await clients[0].hear())["type"] != "pong":
                pass
            stopping = asyncio.create_task(served.stops(seconds=30))
            assert {(await client.closed())[0] for client in clients} == {1012}
            with pytest.raises(httpx.TransportError):
                await served.state()
            end = await stopping
        assert end["notes"] == ["ada: last words"]
        assert end["open"] == end["ticking"] == 0


async def test_r40_streams_end_without_complete_so_that_clients_come_back() -> None:
    with Served() as served:
        async with served.events("subscription { never }") as (_, lines):
            stopping = asyncio.create_task(served.stops(seconds=20))
            assert [line async for line in lines] == []
            await stopping


async def test_r40_a_socket_that_does_not_read_holds_nothing_up() -> None:
    with Served() as served, RawSocket(served.port) as silent:
        silent.say("connection_init")
        query = "subscription { ticks(every: 0.001, size: 30000) }"
        silent.say("subscribe", id="1", payload={"query": query})
        await served.reaches(lambda state: state.get("ticking") == 1)
        await asyncio.sleep(1)
        assert (await served.stops(seconds=20))["ticking"] == 0
