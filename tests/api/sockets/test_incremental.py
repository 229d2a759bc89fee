"""What operations put off, over streams: as `next` after `next`, in the current format."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.api.sockets.clients import Served
from tests.api.sockets.test_sse import Event, events

FIRST = {"data": {"article": {"title": "Title"}}, "pending": [{"id": "0", "path": ["article"]}], "hasNext": True}
LAST = {"incremental": [{"id": "0", "data": {"body": "Body"}}], "completed": [{"id": "0"}], "hasNext": False}
TOO_LATE = "This took too long."


def asking(gate: str) -> str:
    return f'{{article{{title ...@defer{{body(gate: "{gate}")}}}}}}'


async def rest(stream: AsyncIterator[Event]) -> list[Any]:
    return [event async for event in stream]


async def test_a_socket_hears_the_answer_and_then_its_parts(served: Served) -> None:
    async with served.socket() as client:
        await client.start("1", asking("socket"))
        assert await client.hear() == {"type": "next", "id": "1", "payload": FIRST}
        await served.open("socket")
        assert await client.hear() == {"type": "next", "id": "1", "payload": LAST}
        assert await client.hear() == {"type": "complete", "id": "1"}


async def test_a_socket_may_complete_what_it_no_longer_waits_for(served: Served) -> None:
    before = await served.state()
    async with served.socket() as client:
        await client.start("1", asking("completed"))
        assert (await client.hear())["payload"] == FIRST
        await served.reaches(lambda state: state["waiting"] == 1)
        await client.say("complete", id="1")
        await served.reaches(lambda state: state["cancelled"] == before.get("cancelled", 0) + 1)
        assert [message["type"] for message in await client.run('{ echo(text: "still there") }')] == [
            "next",
            "complete",
        ]


async def test_what_is_put_off_ends_with_its_socket(served: Served) -> None:
    async with served.socket() as client:
        await client.start("1", asking("closed"))
        await client.hear()
        await served.reaches(lambda state: state["waiting"] == 1)
    await served.reaches(lambda state: state["waiting"] == 0)


async def test_what_is_put_off_has_the_time_of_its_operation(served: Served) -> None:
    async with served.socket() as client:
        _, late, complete = await client.run(asking("too late"))
    [end] = late["payload"]["completed"]
    assert late["payload"]["hasNext"] is False
    assert end["errors"][0]["extensions"]["code"] == "TIMEOUT"
    assert (end["errors"][0]["path"], end["errors"][0]["message"]) == (["article"], TOO_LATE)
    assert complete["type"] == "complete"


async def test_an_answer_with_nothing_put_off_is_one_result(served: Served) -> None:
    async with served.socket() as client:
        said = await client.run("{article{title ...@defer(if: false){body}}}")
    assert [message.get("payload") for message in said] == [
        {"data": {"article": {"title": "Title", "body": "Body"}}},
        None,
    ]


async def test_a_stream_of_events_brings_the_answer_and_then_its_parts(served: Served) -> None:
    async with served.events(asking("events")) as (response, lines):
        stream = events(lines)
        assert await anext(stream) == ("next", FIRST)
        await served.open("events")
        assert await rest(stream) == [("next", LAST), ("complete", None)]
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"


async def test_a_client_that_leaves_its_events_ends_what_was_put_off(served: Served) -> None:
    async with served.events(asking("events left")) as (_, lines):
        assert await anext(events(lines)) == ("next", FIRST)
        await served.reaches(lambda state: state["waiting"] == 1)
    await served.reaches(lambda state: state["waiting"] == 0)


@pytest.mark.parametrize("accept", ["multipart/mixed;incrementalSpec=v0.2", "multipart/mixed"])
async def test_a_client_that_leaves_its_parts_ends_what_was_put_off(served: Served, accept: str) -> None:
    async with served.parts(asking("parts left"), accept=accept) as (_, said):
        assert (await anext(said))["data"] == FIRST["data"]
        await served.reaches(lambda state: state["waiting"] == 1)
    await served.reaches(lambda state: state["waiting"] == 0)


async def test_r40_a_server_that_stops_lets_answers_end() -> None:
    """They end by themselves, in the time that an operation has; cut off, a client might send a mutation again."""
    mutation = 'mutation { publish(title: "%s") { title ...@defer { body(gate: "", seconds: 1) } } }'
    with Served() as served:
        parts = served.parts(mutation % "parts", "ada", accept="multipart/mixed;incrementalSpec=v0.2")
        async with parts as (_, said), served.events(mutation % "events", "ada") as (_, lines):
            stream = events(lines)
            assert (await anext(said))["data"]["publish"] == {"title": "parts"}
            assert (await anext(stream))[1]["data"]["publish"] == {"title": "events"}
            stopping = asyncio.create_task(served.stops(seconds=20))
            assert [part async for part in said] == [LAST]
            assert await rest(stream) == [("next", LAST), ("complete", None)]
            assert (await stopping)["notes"] == ["ada: parts", "ada: events"]
