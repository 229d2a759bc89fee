"""The API process from start to stop: R42 and R40 of the reliability plan."""

import asyncio
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from secrets import token_hex

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from app.dev.children import free_port
from app.dev.embedded import EmbeddedMongo, EmbeddedValkey
from tests.processes import ATRIUM, Program, environment, wait_until

SLOW_SERVER = """
import asyncio, sys
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from app import main
from app.core.settings import settings

async def slow(request):
    await asyncio.sleep(float(request.query_params["seconds"]))
    return PlainTextResponse("done")

async def listen(socket):
    await socket.accept()
    await socket.receive()

def with_slow_routes(settings):
    app = create_app(settings)
    app.router.routes += [Route("/slow", slow), WebSocketRoute("/listen", listen)]
    return app

create_app, main.create_app = main.create_app, with_slow_routes
main.serve(settings(), "127.0.0.1", int(sys.argv[1]))
"""
"""The API with two routes more, that are still busy when the process is told to stop."""


def test_r42_it_waits_for_its_servers_and_serves_when_they_are_there(tmp_path: Path) -> None:
    mongo, valkey, port = EmbeddedMongo(tmp_path / "mongodb"), EmbeddedValkey(tmp_path / "valkey"), free_port()
    env = environment(MONGODB_URI=mongo.uri, REDIS_URL=valkey.url)
    with ExitStack() as stack:
        for server in (mongo, valkey):
            stack.callback(server.stop)
        program = stack.enter_context(Program([*ATRIUM, "serve", f"--port={port}"], env, tmp_path / "api", port))
        program.wait_for("/livez", 200)
        status, body = program.get("/readyz")
        assert (status, body["status"]) == (503, "starting")
        assert not body["checks"]["mongodb"]["ok"]
        assert body["checks"]["redis"]["error"] == "ConnectionError"
        assert program.get("/startupz")[0] == 503
        assert program.get("/livez")[0] == 200

        mongo.start()
        valkey.start()
        program.wait_for("/startupz", 200, seconds=5)
        status, body = program.get("/readyz")
        assert (status, body["checks"]["migrations"]["error"]) == (503, "MigrationsPending")
        with Program([*ATRIUM, "migrate"], env, tmp_path / "migrate") as migrate:
            assert migrate.exit_status() == 0, migrate.output
        program.wait_for("/readyz", 200, seconds=5)

        valkey.process.kill()
        status, body = program.get("/readyz")
        assert (status, body["status"]) == (503, "failing")
        assert [name for name, check in body["checks"].items() if not check["ok"]] == ["redis"]
        valkey.start()
        program.wait_for("/readyz", 200, seconds=5)
        assert "Traceback" not in program.output


@pytest.fixture
def slow_server(mongodb_uri: str, redis_url: str, tmp_path: Path) -> Iterator[Program]:
    port = free_port()
    env = environment(
        MONGODB_URI=mongodb_uri,
        REDIS_URL=redis_url,
        MONGODB_DATABASE=f"atrium_test_{token_hex(6)}",
        DRAIN_SECONDS="1.5",
    )
    with Program([sys.executable, "-c", SLOW_SERVER, str(port)], env, tmp_path / "api", port) as program:
        program.wait_for("/startupz", 200)
        yield program


async def test_r40_a_stop_loses_no_request_and_tells_sockets(slow_server: Program) -> None:
    address = f"127.0.0.1:{slow_server.port}"
    async with httpx.AsyncClient(base_url=f"http://{address}", timeout=30, trust_env=False) as client:
        sockets = [await connect(f"ws://{address}/listen", proxy=None) for _ in range(5)]
        codes = [asyncio.create_task(close_code(socket)) for socket in sockets]
        requests = [asyncio.create_task(client.get("/slow", params={"seconds": s})) for s in (0.5, 3, 4, 5)]
        await asyncio.sleep(0.3)  # until the requests are being served; nothing tells when
        start = time.monotonic()
        slow_server.send(signal.SIGTERM)

        draining = await asyncio.to_thread(wait_for_drain, slow_server)
        assert draining["status"] == "draining"
        until = time.monotonic() + 0.5
        while time.monotonic() < until:
            status, _ = await asyncio.to_thread(slow_server.get, "/livez")
            assert status == 200, "a load balancer had no time to notice"
        await asyncio.to_thread(wait_until, lambda: slow_server.get("/livez")[0] == 0, 10, "no connection is accepted")
        assert any(not request.done() for request in requests)

        assert [response.status_code for response in await asyncio.gather(*requests)] == [200] * 4
        assert await asyncio.gather(*codes) == [1012] * 5
        assert await asyncio.to_thread(slow_server.exit_status) == 0
        assert time.monotonic() - start < 30


async def test_a_second_signal_stops_at_once(slow_server: Program) -> None:
    async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
        request = asyncio.create_task(client.get(f"http://127.0.0.1:{slow_server.port}/slow?seconds=20"))
        await asyncio.sleep(0.3)  # until the request is being served; nothing tells when
        slow_server.send(signal.SIGTERM)
        await asyncio.to_thread(wait_for_drain, slow_server)
        slow_server.send(signal.SIGTERM)
        await asyncio.to_thread(slow_server.exit_status, 10)
        await asyncio.gather(request, return_exceptions=True)


def wait_for_drain(program: Program) -> dict[str, object]:
    answers: list[dict[str, object]] = []

    def drains() -> bool:
        status, body = program.get("/readyz")
        answers.append(body)
        return status == 503 and body["status"] == "draining"

    wait_until(drains, 5, "readiness ends before the listening socket does")
    return answers[-1]


async def close_code(socket: ClientConnection) -> int:
    try:
        await asyncio.wait_for(socket.recv(), 30)
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else 0
    return 0
