"""The endpoint over HTTP: what it takes, what it refuses and in which words."""

from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest
from starlette.types import Message

from app.core.settings import Environment
from tests.api.graphql.serving import ADA, application, client, listening

GRAPHQL = "application/graphql-response+json"
HELLO = {"query": "{hello}"}
DEEP = b'{"query":"{hello}","variables":' + b'{"a":' * 10_000 + b"1" + b"}" * 10_001


@pytest.fixture(scope="module")
async def dev() -> AsyncGenerator[httpx.AsyncClient]:
    async with client(application()) as http:
        yield http


@pytest.fixture(scope="module")
async def production() -> AsyncGenerator[httpx.AsyncClient]:
    async with client(application(Environment.PRODUCTION)) as http:
        yield http


def refused(response: httpx.Response) -> tuple[int, str]:
    """The status and the words of a request that was refused."""
    [error] = response.json()["errors"]
    assert "data" not in response.json()
    return response.status_code, error["message"]


async def test_a_query_is_answered(production: httpx.AsyncClient) -> None:
    response = await production.post(
        "/graphql", json={"query": "query($n: String!){hello(name: $n)}", "variables": {"n": "é"}}
    )
    assert response.json() == {"data": {"hello": "Hello é"}}
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(("accept", "status"), [("application/json", 200), (GRAPHQL, 400)])
async def test_what_cannot_run_has_the_status_of_its_media_type(
    production: httpx.AsyncClient, accept: str, status: int
) -> None:
    response = await production.post("/graphql", json={"query": "{nothing}"}, headers={"Accept": accept})
    assert response.headers["content-type"] == f"{accept}; charset=utf-8"
    assert refused(response) == (status, "Cannot query field 'nothing' on type 'Query'.")


async def test_a_failed_field_leaves_the_status_alone(production: httpx.AsyncClient) -> None:
    response = await production.post("/graphql", json={"query": '{hello fail(kind: "")}'}, headers={"Accept": GRAPHQL})
    assert response.status_code == 200
    assert response.json()["data"] == {"hello": "Hello you", "fail": None}


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"", 400, "The body is not JSON, or it is nested too deeply."),
        (b"{", 400, "The body is not JSON, or it is nested too deeply."),
        (b'{"query": "{hello}"} {}', 400, "The body is not JSON, or it is nested too deeply."),
        (b'{"query": NaN}', 400, "The body is not JSON, or it is nested too deeply."),
        (b'{"query": "\\ud800"}', 400, "The body is not JSON, or it is nested too deeply."),
        (b'{"query": "\xff"}', 400, "The body is not JSON, or it is nested too deeply."),
        (b"[" * 60_000, 400, "The body is not JSON, or it is nested too deeply."),
        (DEEP, 400, "The body is not JSON, or it is nested too deeply."),
        (b'[{"query": "{hello}"}]', 400, "Batches are not accepted: send one operation per request."),
        (b'"{hello}"', 400, "The body must be a JSON object with a `query`."),
        (b"null", 400, "The body must be a JSON object with a `query`."),
        (b"{}", 400, "`query` must be a string: the text of the operation."),
        (b'{"query": null}', 400, "`query` must be a string: the text of the operation."),
        (b'{"query": {"a": 1}}', 400, "`query` must be a string: the text of the operation."),
        (b'{"query": "{hello}", "operationName": 1}', 400, "`operationName` must be a string."),
        (b'{"query": "{hello}", "variables": []}', 400, "`variables` must be an object."),
        (b'{"query": "{hello}", "variables": "{}"}', 400, "`variables` must be an object."),
        (b'{"query": "{hello}", "extensions": 0}', 400, "`extensions` must be an object."),
        (b'{"query": "{hello}", "query": "{hello}"}', 400, "The body has the same member twice."),
        (b'{"query": "' + b"x" * 131_072 + b'"}', 413, "The body may have 131072 bytes at most."),
    ],
)  # fmt: skip
async def test_a_bad_body_is_refused_in_words(
    production: httpx.AsyncClient, body: bytes, status: int, message: str
) -> None:
    response = await production.post("/graphql", content=body, headers={"Content-Type": "application/json"})
    assert refused(response) == (status, message)
    assert response.json()["errors"][0]["extensions"] == {"code": "BAD_REQUEST"}


async def test_members_that_the_specification_does_not_know_are_ignored(production: httpx.AsyncClient) -> None:
    response = await production.post("/graphql", json={**HELLO, "id": 1, "variables": None, "extensions": {"a": 1}})
    assert response.json() == {"data": {"hello": "Hello you"}}


async def test_a_member_in_the_variables_may_have_the_name_of_one_of_the_request(production: httpx.AsyncClient) -> None:
    body = {"query": "query($query: JSON!){json(value: $query)}", "variables": {"query": {"variables": 1}}}
    assert (await production.post("/graphql", json=body)).json() == {"data": {"json": {"variables": 1}}}


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"Content-Type": "text/plain"}, "Send the request as application/json."),
        ({"Content-Type": ""}, "Send the request as application/json."),
        ({"Content-Type": "application/graphql"}, "Send the request as application/json."),
        ({"Content-Type": "text/plain; a=application/json"}, "Send the request as application/json."),
        ({"Content-Type": "application/json; charset=utf-16"}, "Send the request in UTF-8."),
        ({"Content-Type": "application/json", "Content-Encoding": "gzip"}, "Send the body without compression."),
    ],
)
async def test_only_plain_json_is_read(production: httpx.AsyncClient, headers: dict[str, str], message: str) -> None:
    assert refused(await production.post("/graphql", content=b"{}", headers=headers)) == (415, message)


@pytest.mark.parametrize("charset", ["utf-8", "UTF-8", '"utf-8"'])
async def test_utf_8_may_be_said(production: httpx.AsyncClient, charset: str) -> None:
    headers = {"Content-Type": f"Application/JSON; charset={charset}"}
    response = await production.post("/graphql", content=b'{"query":"{hello}"}', headers=headers)
    assert response.status_code == 200


async def test_a_body_without_a_length_is_cut_off_at_the_limit() -> None:
    sent = 0

    async def endless() -> AsyncGenerator[bytes]:
        nonlocal sent
        for _ in range(10_000):
            sent += 4_096
            yield b" " * 4_096

    async with listening(application()) as address, httpx.AsyncClient(base_url=address) as http:
        try:
            response = await http.post("/graphql", content=endless(), headers={"Content-Type": "application/json"})
            assert response.status_code == 413
        except httpx.TransportError:
            pass  # the server answered and closed while this side was still writing
        assert sent < 10_000 * 4_096
        assert (await http.post("/graphql", json=HELLO)).status_code == 200


async def test_a_body_that_says_it_is_too_long_is_answered_before_it_is_read() -> None:
    order: list[str] = []

    async def receive() -> Message:
        order.append("read")
        return {"type": "http.request", "body": b" " * 1_048_576, "more_body": True}

    async def send(message: Message) -> None:
        order.append(str(message.get("status", "body")))

    headers = [(b"content-type", b"application/json"), (b"content-length", b"100000000")]
    scope = {"type": "http", "method": "POST", "path": "/graphql", "query_string": b"", "headers": headers}
    await application()(scope, receive, send)
    assert order[:2] == ["413", "body"]
    assert order.count("read") == 16


async def test_a_client_that_sends_ten_megabytes_reads_why_they_are_refused() -> None:
    async with listening(application()) as address, httpx.AsyncClient(base_url=address) as http:
        for _ in range(5):
            body = b'{"query": "' + b"x" * 10_000_000 + b'"}'
            response = await http.post("/graphql", content=body, headers={"Content-Type": "application/json"})
            assert (response.status_code, response.headers["connection"]) == (413, "close")


async def test_nothing_but_what_can_be_written_is_promised(production: httpx.AsyncClient) -> None:
    response = await production.post("/graphql", json=HELLO, headers={"Accept": "image/png"})
    message = "Accept application/graphql-response+json, application/json or text/event-stream."
    assert refused(response) == (406, message)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE"])
async def test_other_methods_are_refused(production: httpx.AsyncClient, method: str) -> None:
    response = await production.request(method, "/graphql", json=HELLO)
    assert (response.status_code, response.headers["allow"]) == (405, "POST")


async def test_queries_by_get_are_for_development(dev: httpx.AsyncClient, production: httpx.AsyncClient) -> None:
    params = {"query": "query Q($n: String!){hello(name: $n)}", "variables": '{"n": "x"}', "operationName": "Q"}
    assert (await dev.get("/graphql", params=params)).json() == {"data": {"hello": "Hello x"}}
    refusal = await production.get("/graphql", params=params)
    assert refused(refusal) == (405, "Use POST.")


@pytest.mark.parametrize(
    ("params", "status", "message"),
    [
        ([], 400, "`query` must be a string: the text of the operation."),
        ([("query", "{hello}"), ("query", "{hello}")], 400, "The address has `query` twice."),
        ([("query", "{hello}"), ("variables", "x")], 400, "The `variables` is not JSON, or it is nested too deeply."),
        ([("query", "{hello}"), ("variables", "[]")], 400, "`variables` must be an object."),
        ([("query", "mutation{write}")], 405, "Send a mutation by POST."),
        (
            [("query", "subscription{count(to: 1)}")],
            400,
            "A subscription needs a WebSocket, or `Accept: text/event-stream`.",
        ),
    ],
)
async def test_a_bad_address_is_refused_in_words(
    dev: httpx.AsyncClient, params: list[tuple[str, Any]], status: int, message: str
) -> None:
    assert refused(await dev.get("/graphql", params=params)) == (status, message)


async def test_browsers_get_graphiql_in_development_only(dev: httpx.AsyncClient, production: httpx.AsyncClient) -> None:
    browser = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
    page = await dev.get("/graphql", headers=browser)
    assert (page.status_code, page.text) == (200, "<title>GraphiQL</title>")
    assert (await production.get("/graphql", headers=browser)).status_code == 405


async def test_a_subscription_needs_a_stream(production: httpx.AsyncClient) -> None:
    response = await production.post("/graphql", json={"query": "subscription{count(to: 1)}"})
    assert refused(response) == (400, "A subscription needs a WebSocket, or `Accept: text/event-stream`.")


@pytest.mark.parametrize("accept", ["text/event-stream", "application/json, text/event-stream"])
async def test_a_subscription_is_streamed_to_who_accepts_it(production: httpx.AsyncClient, accept: str) -> None:
    body = {"query": "subscription{count(to: 2)}"}
    response = await production.post("/graphql", json=body, headers={"Accept": accept})
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.headers["x-request-id"]
    assert [line for line in response.text.splitlines() if line.startswith("data: ")] == [
        'data: {"data":{"count":0}}',
        'data: {"data":{"count":1}}',
    ]


async def test_a_stream_that_cannot_begin_is_refused_as_json(production: httpx.AsyncClient) -> None:
    body = {"query": "subscription($n: Int!){count(to: $n)}"}
    response = await production.post("/graphql", json=body, headers={"Accept": "text/event-stream"})
    assert response.status_code == 400
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    assert response.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_the_authorization_header_says_who_asks(production: httpx.AsyncClient) -> None:
    async def whoami(**headers: str) -> httpx.Response:
        return await production.post("/graphql", json={"query": "{whoami}"}, headers=headers)

    assert (await whoami()).json() == {"data": {"whoami": "anonymous"}}
    assert (await whoami(Authorization="Bearer ada")).json() == {"data": {"whoami": ADA.name}}
    stranger = await whoami(Authorization="Bearer eve")
    assert (stranger.status_code, stranger.headers["www-authenticate"]) == (401, "Bearer")
    assert stranger.json() == {
        "errors": [{"message": "The token is not one of ours.", "extensions": {"code": "UNAUTHENTICATED"}}]
    }


async def test_an_idempotency_key_reaches_the_resolvers(production: httpx.AsyncClient) -> None:
    async def keyed(key: str) -> Any:
        response = await production.post("/graphql", json={"query": "{key}"}, headers={"Idempotency-Key": key})
        return response.json()

    assert await keyed("k" * 255) == {"data": {"key": "k" * 255}}
    for key in ("", "k" * 256):
        assert (await keyed(key))["errors"][0]["message"] == "An Idempotency-Key has 1 to 255 characters."


async def test_a_request_keeps_the_id_it_brings(production: httpx.AsyncClient) -> None:
    async def answered(id: str) -> str:
        response = await production.post("/graphql", json=HELLO, headers={"X-Request-Id": id})
        return str(response.headers["x-request-id"])

    assert await answered("req-12345678") == "req-12345678"
    for insane in ("short", "x" * 129, "with space", 'quote"', "new line"):
        made = await answered(insane)
        assert made != insane
        assert len(made) == 16


async def test_scalars_may_hold_what_the_fast_encoder_refuses(production: httpx.AsyncClient) -> None:
    body = {"query": "{json(value: 123456789012345678901234567890)}"}
    response = await production.post("/graphql", json=body)
    assert response.json() == {"data": {"json": 123456789012345678901234567890}}
