"""GraphQL over server-sent events, in distinct connections mode."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.api.sockets.clients import Served

Event = tuple[str, Any]


async def events(lines: AsyncIterator[str]) -> AsyncIterator[Event]:
    """The events in the lines of a stream: each its name and its data."""
    name = ""
    async for line in lines:
        field, _, value = line.partition(":")
        if field == "event":
            name = value.strip()
        elif field == "data":
            yield name, json.loads(value) if value.strip() else None


async def everything(lines: AsyncIterator[str]) -> list[Event]:
    return [event async for event in events(lines)]


async def test_a_subscription_streams_its_results_and_completes(served: Served) -> None:
    async with served.events("subscription ($to: Int!) { count(to: $to) }", to=3) as (response, lines):
        assert response.status_code == 200
        assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["x-request-id"]
        counted = [("next", {"data": {"count": number}}) for number in range(3)]
        assert await everything(lines) == [*counted, ("complete", None)]


async def test_a_subscription_streams_by_get_too(served: Served) -> None:
    asked = {"query": "subscription { count(to: 2) }"}
    async with (
        httpx.AsyncClient(verify=False) as client,
        client.stream(
            "GET", f"{served.url}/graphql", params=asked, headers={"Accept": "text/event-stream"}
        ) as response,
    ):
        counted = [("next", {"data": {"count": number}}) for number in range(2)]
        assert await everything(response.aiter_lines()) == [*counted, ("complete", None)]


@pytest.mark.parametrize(
    ("query", "data"),
    [("{ me }", {"me": "ada"}), ('mutation { note(text: "by events") }', {"note": "by events"})],
)
async def test_queries_and_mutations_are_streams_of_one(served: Served, query: str, data: dict[str, str]) -> None:
    async with served.events(query, "ada") as (_, lines):
        assert await everything(lines) == [("next", {"data": data}), ("complete", None)]


async def test_a_stream_that_breaks_says_why(served: Served) -> None:
    async with served.events("subscription { breaks }") as (_, lines):
        [_, (name, result), complete] = await everything(lines)
    assert name == "next"
    assert result["errors"][0]["extensions"]["code"] == "RESYNC_REQUIRED"
    assert complete == ("complete", None)


@pytest.mark.parametrize(
    ("query", "token", "status", "code"),
    [
        ("{", None, 400, "GRAPHQL_PARSE_FAILED"),
        ("subscription { unknown }", None, 400, "GRAPHQL_VALIDATION_FAILED"),
        ("subscription ($to: Int!) { count(to: $to) }", None, 400, "BAD_USER_INPUT"),
        ("subscription { closed }", None, 400, "UNAUTHENTICATED"),
        ("subscription { mine }", "nobody", 401, "UNAUTHENTICATED"),
    ],
)
async def test_what_cannot_begin_is_answered_in_json(
    served: Served, query: str, token: str | None, status: int, code: str
) -> None:
    async with served.events(query, token) as (response, _):
        answer = json.loads(await response.aread())
    assert response.status_code == status
    assert response.headers["content-type"].startswith("application/json")
    assert answer["errors"][0]["extensions"]["code"] == code


async def test_a_subscription_needs_a_client_that_takes_streams(served: Served) -> None:
    async with httpx.AsyncClient(verify=False) as client:
        body = {"query": "subscription { count(to: 3) }"}
        answer = await client.post(f"{served.url}/graphql", json=body, headers={"Accept": "application/json"})
    assert answer.status_code == 400
    assert "text/event-stream" in answer.json()["errors"][0]["message"]


async def test_a_stream_ends_with_its_sign_in(served: Served) -> None:
    async with served.events("subscription { mine }", "stream") as (_, lines):
        stream = events(lines)
        assert await anext(stream) == ("next", {"data": {"mine": "stream"}})
        await served.revoke("stream")
        rest = [event async for event in stream]
    (name, result), complete = rest[-2:]
    assert (name, result["data"]) == ("next", None)
    assert result["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert complete == ("complete", None)


async def test_an_expired_sign_in_ends_a_silent_stream(served: Served) -> None:
    async with served.events("subscription { never }", "stream;1") as (_, lines):
        [(_, result), complete] = await everything(lines)
    assert result["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert complete == ("complete", None)


async def test_a_client_that_leaves_ends_its_stream(served: Served) -> None:
    async with served.events("subscription { ticks }") as (_, lines):
        assert (await anext(events(lines)))[0] == "next"
        await served.reaches(lambda state: state["ticking"] == 1)
    await served.reaches(lambda state: state["ticking"] == 0)


async def test_comments_keep_a_silent_stream_alive() -> None:
    with Served(guards={"sse.HEARTBEAT_SECONDS": 0.1}) as served:
        async with served.events("subscription { never }") as (_, lines):
            assert [await anext(lines) for _ in range(4)] == [":", "", ":", ""]
