"""S12: an operation ends with its time or its client, in MongoDB too; a mutation runs to its end."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Any
from unittest.mock import Mock

import httpx
import pytest
from pymongo import _csot
from pymongo.asynchronous.database import AsyncDatabase

from app.api import errors, runs
from app.core.actor import ANONYMOUS
from app.execution.engine import Engine
from app.execution.limits import Limits
from app.schema.kit.context import Context
from tests.api.graphql import schema
from tests.api.graphql.serving import application, client, listening

Database = AsyncDatabase[dict[str, Any]]
SECONDS = 0.5


@pytest.fixture
async def http() -> AsyncGenerator[httpx.AsyncClient]:
    async with client(application(graphql_timeout_seconds=SECONDS)) as http:
        yield http


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.01)


def told(response: httpx.Response) -> Any:
    [error] = response.json()["errors"]
    return response.status_code, response.json()["data"], error["extensions"]["code"]


async def test_s12_a_query_that_takes_too_long_is_given_up(http: httpx.AsyncClient) -> None:
    cancelled = schema.counts["wait cancelled"]
    response = await http.post("/graphql", json={"query": "{wait(seconds: 60)}"})
    assert told(response) == (200, None, "TIMEOUT")
    assert response.json()["errors"][0]["extensions"]["requestId"] == response.headers["x-request-id"]
    assert schema.counts["wait cancelled"] == cancelled + 1


async def test_s12_a_mutation_that_takes_too_long_is_answered_and_ends_all_the_same(http: httpx.AsyncClient) -> None:
    done = schema.counts["write done"]
    response = await http.post("/graphql", json={"query": "mutation{write(seconds: 1)}"})
    assert told(response) == (200, None, "TIMEOUT")
    assert schema.counts["write done"] == done
    await runs.settled()
    assert schema.counts["write done"] == done + 1


async def slow_operations(database: Database) -> int:
    """How many of the test's own operations MongoDB is at work on."""
    stages: list[dict[str, Any]] = [{"$currentOp": {}}, {"$match": {"command.comment": "s12", "active": True}}]
    return len(await (await database.client.admin.aggregate(stages)).to_list())


async def test_s12_mongodb_stops_working_for_a_query_that_was_given_up(
    http: httpx.AsyncClient, database: Database
) -> None:
    await database.naps.insert_one({})
    seen = 0

    async def nap() -> None:
        nonlocal seen
        slow = database.naps.find_one({"$where": "sleep(60000) || true"}, comment="s12")
        reading = asyncio.ensure_future(slow)
        while not reading.done() and not seen:
            seen = await slow_operations(database)
        await reading

    schema.failures["nap"] = nap
    response = await http.post("/graphql", json={"query": '{fail(kind: "nap")}'})
    assert response.json()["errors"][0]["extensions"]["code"] == "TIMEOUT"
    assert seen == 1
    async with asyncio.timeout(2):
        while await slow_operations(database):
            await asyncio.sleep(0.05)


async def test_r26_a_query_waits_for_a_connection_no_longer_than_anybody(http: httpx.AsyncClient) -> None:
    """Under `pymongo.timeout` the driver would forget waitQueueTimeoutMS, and wait as long as the query may take."""
    seen: list[float | None] = []

    async def look() -> str:
        seen.append(_csot.get_timeout())
        return "done"

    schema.failures["look"] = look
    await http.post("/graphql", json={"query": '{fail(kind: "look")}'})
    assert seen == [None]


async def leave(address: str, query: str, begun: Callable[[], bool]) -> None:
    """Send an operation and hang up once it has begun."""
    async with httpx.AsyncClient(base_url=address) as http:
        request = asyncio.create_task(http.post("/graphql", json={"query": query}))
        await until(begun)
        request.cancel()
        await asyncio.wait([request])


async def test_s12_a_query_ends_with_its_client() -> None:
    before = schema.counts.copy()
    async with listening(application()) as address:
        await leave(address, "{wait(seconds: 60)}", lambda: schema.counts["wait begun"] > before["wait begun"])
        async with asyncio.timeout(1):
            await until(lambda: schema.counts["wait cancelled"] > before["wait cancelled"])


async def test_s12_a_mutation_does_not_end_with_its_client() -> None:
    before = schema.counts.copy()
    async with listening(application()) as address:
        await leave(
            address, "mutation{write(seconds: 1)}", lambda: schema.counts["write begun"] > before["write begun"]
        )
        await until(lambda: schema.counts["write done"] > before["write done"])


async def test_the_errors_of_a_mutation_that_ends_late_are_logged(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    logs = Mock()
    monkeypatch.setattr(runs, "log", logs)
    monkeypatch.setattr(errors, "log", logs)
    response = await http.post("/graphql", json={"query": "mutation Late{failLate(seconds: 0.7)}"})
    assert told(response) == (200, None, "TIMEOUT")
    id = response.headers["x-request-id"]
    await runs.settled()
    assert logs.error.call_args.args == ("graphql.failed",)
    assert logs.error.call_args.kwargs["request_id"] == id
    logs.info.assert_called_once_with("graphql.finished_late", operation="Late", request_id=id, errors=["INTERNAL"])


async def test_a_mutation_survives_the_end_of_the_task_that_asked_for_it() -> None:
    before = schema.counts.copy()
    engine = Engine(schema.schema, Limits(), introspection=False, suggestions=False)
    operation = engine.prepare("mutation{write(seconds: 0.2)}", None)
    task = asyncio.create_task(runs.run(engine, operation, None, Context(ANONYMOUS), 10))
    await until(lambda: schema.counts["write begun"] > before["write begun"])
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    await runs.settled()
    assert schema.counts["write done"] == before["write done"] + 1
