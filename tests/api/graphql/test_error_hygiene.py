"""S11: whatever goes wrong, the caller learns a code and an id only, and the log has it once, without secrets."""

import asyncio
import json
import sys
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest

from app.dev.children import free_port
from tests.api.graphql.failing import INTERNAL, REFUSED, TIMEOUT, UNAVAILABLE
from tests.api.sockets.clients import parts

FAILURES = [(kind, "INTERNAL") for kind in INTERNAL]
FAILURES += [(kind, "UNAVAILABLE") for kind in UNAVAILABLE]
FAILURES += [(kind, "TIMEOUT") for kind in TIMEOUT]
LEAKS = ("canary", "internal:", "mongodb://", "Traceback", "/etc/", ".py", "LEAKED", "Error")


class Server:
    """A real server in a process of its own, with the lines that it has logged."""

    def __init__(self, address: str, process: asyncio.subprocess.Process) -> None:
        self.address, self.process = address, process
        self.lines: list[dict[str, Any]] = []
        self.text = ""

    async def read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.text += line.decode()
            self.lines.append(json.loads(line))

    async def logged(self, id: str) -> list[dict[str, Any]]:
        """What the log says of a request; its access line comes last."""
        async with asyncio.timeout(10):
            while True:
                lines = [line for line in self.lines if line.get("request_id") == id]
                if lines and lines[-1]["event"] == "graphql":
                    return lines[:-1]
                await asyncio.sleep(0.01)


@pytest.fixture(scope="module")
async def server() -> AsyncGenerator[Server]:
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.api.graphql.failing", str(port)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        limit=1_000_000,
    )
    server = Server(f"http://127.0.0.1:{port}", process)
    reading = asyncio.create_task(server.read())
    async with asyncio.timeout(30):
        while "Uvicorn running" not in server.text:
            assert process.returncode is None, server.text
            await asyncio.sleep(0.05)
    yield server
    process.terminate()
    await reading
    await process.wait()


@pytest.fixture(scope="module")
async def http(server: Server) -> AsyncGenerator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=server.address) as http:
        yield http


async def fail(http: httpx.AsyncClient, kind: str) -> httpx.Response:
    query = "query Fail($kind: String!, $secret: String!){fail(kind: $kind, secret: $secret) %s}"
    return await http.post(
        "/graphql?token=canary-address",
        json={
            "query": query % 'hello(name: "canary-literal")',
            "variables": {"kind": kind, "secret": "canary-variable"},
        },
        headers={"Cookie": "session=canary-cookie", "X-Api-Key": "canary-header"},
    )


@pytest.mark.parametrize(("kind", "code"), FAILURES)
async def test_s11_a_failure_is_masked_and_logged_once(
    http: httpx.AsyncClient, server: Server, kind: str, code: str
) -> None:
    response = await fail(http, kind)
    id = response.headers["x-request-id"]
    [error] = response.json()["errors"]
    assert error["extensions"].pop("requestId") == id
    assert error["extensions"] == {"code": code, **({"retryable": True} if code != "INTERNAL" else {})}
    assert not any(leak in json.dumps(error) for leak in LEAKS)
    [line] = await server.logged(id)
    assert line["event"] == {"INTERNAL": "graphql.failed", "UNAVAILABLE": "graphql.unavailable"}.get(
        code, "graphql.timeout"
    )
    assert "canary" not in json.dumps(line)


@pytest.mark.parametrize(("kind", "code"), FAILURES)
async def test_s11_so_is_a_failure_of_what_was_put_off(
    http: httpx.AsyncClient, server: Server, kind: str, code: str
) -> None:
    query = f'{{hello ...@defer{{fail(kind: "{kind}")}} ...@defer{{fail(kind: "{kind}") more: hello}}}}'
    accept = {"Accept": "multipart/mixed;incrementalSpec=v0.2"}
    async with http.stream("POST", "/graphql", json={"query": query}, headers=accept) as response:
        first, *rest = [part async for part in parts(response)]
    assert first["data"] == {"hello": "Hello you"}
    told = [part.get("errors", []) for last in rest for part in last.get("incremental", []) + last["completed"]]
    errors = [error for errors in told for error in errors]
    assert {error["extensions"]["code"] for error in errors} == {code}
    assert not any(leak in json.dumps(errors) for leak in LEAKS)
    [line] = await server.logged(response.headers["x-request-id"])
    assert "canary" not in json.dumps(line)


@pytest.mark.parametrize("code", REFUSED)
async def test_s11_a_refusal_is_shown_and_not_logged(http: httpx.AsyncClient, server: Server, code: str) -> None:
    response = await fail(http, code)
    [error] = response.json()["errors"]
    assert error["message"] == REFUSED[code].message
    assert error["extensions"] == REFUSED[code].extensions
    assert await server.logged(response.headers["x-request-id"]) == []


async def test_s11_thirty_kinds_are_forced() -> None:
    assert len(FAILURES) >= 30


@pytest.mark.parametrize(
    "body",
    [
        '{"query": "{hello(name: \\"canary-literal"',
        '{"query": "{hello(name: \\"canary-literal\\""}',
        '{"query": "{hello(nam: \\"canary-literal\\")}"}',
        '{"query": "query($n: Int!){tally(numbers: [$n])}", "variables": {"n": "canary-variable"}}',
        '{"query": "{tally(numbers: [\\"canary-literal\\"])}"}',
        '{"query": "query canary($v: String!){hello(name: $v)}", "operationName": "canary-name"}',
        '{"query": "{hello}", "variables": "canary-variable"}',
        '"canary-body"',
    ],
)
async def test_s11_a_bad_request_leaves_nothing_of_itself_in_the_log(
    http: httpx.AsyncClient, server: Server, body: str
) -> None:
    response = await http.post("/graphql", content=body, headers={"Content-Type": "application/json"})
    id = response.headers["x-request-id"]
    assert response.json()["errors"][0]["extensions"]["code"]
    assert await server.logged(id) == []
    assert not any("canary" in json.dumps(line) for line in server.lines if line.get("request_id") == id)


async def test_s11_a_bad_token_leaves_nothing_of_itself_in_the_log(http: httpx.AsyncClient, server: Server) -> None:
    headers = {"Authorization": "Bearer canary-token"}
    response = await http.post("/graphql", json={"query": "{hello}"}, headers=headers)
    assert response.status_code == 401
    assert await server.logged(response.headers["x-request-id"]) == []
    assert "canary" not in server.text


async def test_a_request_is_one_line_in_the_log(http: httpx.AsyncClient, server: Server) -> None:
    body = {"query": "query Greet($n: String!){hello(name: $n)}", "variables": {"n": "canary-variable"}}
    response = await http.post("/graphql", json=body, headers={"Authorization": "Bearer ada"})
    assert await server.logged(response.headers["x-request-id"]) == []
    [line] = [line for line in server.lines if line.get("request_id") == response.headers["x-request-id"]]
    assert line["operation"] == "Greet"
    assert (line["kind"], line["method"], line["status"], line["cost"]) == ("query", "POST", 200, 0)
    assert line["actor"].startswith("u:")
    assert line["bytes"] == len(response.content)
    assert not {"query", "variables", "errors"} & set(line)
