"""Named documents over HTTP: automatic persisted queries as Apollo has them, and trusted operations."""

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from prometheus_client import REGISTRY
from pymongo import AsyncMongoClient
from redis.asyncio import Redis

from app.api import automatic, documents
from app.core import database as connection
from app.core import signals
from app.core.actor import Actor
from app.core.database import Document
from app.core.settings import Environment
from app.dev.children import free_port
from app.services.platform import operations
from app.services.platform.operations import NewOperation, sha256
from tests.api.graphql.serving import application, client

GRAPHQL = "application/graphql-response+json"
DAYS_7 = 7 * 86_400

pytestmark = pytest.mark.usefixtures("documents")


@pytest.fixture(autouse=True)
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    signals.connect(redis_url)
    async with Redis.from_url(redis_url) as redis:
        yield redis
    await signals.close()


def process(**settings: Any) -> httpx.AsyncClient:
    """A server process, as far as what it remembers goes."""
    return client(application(Environment.PRODUCTION, **settings))


def text() -> str:
    """A query unlike any other."""
    return f'{{ hello(name: "{secrets.token_hex(8)}") }}'


def greeting(text: str) -> dict[str, Any]:
    return {"data": {"hello": f"Hello {text.split(chr(34))[1]}"}}


def named(hash: str, **more: Any) -> dict[str, Any]:
    return {**more, "extensions": {"persistedQuery": {"version": 1, "sha256Hash": hash}}}


async def trusted(text: str, id: str = "") -> str:
    await operations.push(Actor.platform(), [NewOperation(id or sha256(text), text, "", "query")])
    return id or sha256(text)


def code(response: httpx.Response) -> str:
    [error] = response.json()["errors"]
    assert "data" not in response.json()
    return str(error["extensions"]["code"])


def a_minute_later(patch: pytest.MonkeyPatch) -> None:
    """Let nothing that processes know be fresh any more; the event loop's own time stays as it is."""
    later = time.monotonic() + documents.FRESH + 1
    patch.setattr(documents, "time", SimpleNamespace(monotonic=lambda: later))


def outcomes() -> dict[str, float]:
    names = ("hit", "fetched", "missed", "stored", "refused")
    return {name: REGISTRY.get_sample_value("atrium_documents_total", {"outcome": name}) or 0 for name in names}


@pytest.mark.parametrize("accept", ["application/json", GRAPHQL])
async def test_apollos_protocol(accept: str) -> None:
    query = text()
    async with process() as http:
        http.headers["accept"] = accept
        unknown = await http.post("/graphql", json=named(sha256(query)))
        assert unknown.status_code == 200
        assert unknown.headers["cache-control"] == "no-store"
        [error] = unknown.json()["errors"]
        assert error == {"message": "PersistedQueryNotFound", "extensions": {"code": "PERSISTED_QUERY_NOT_FOUND"}}
        stored = await http.post("/graphql", json=named(sha256(query), query=query))
        assert stored.json() == greeting(query)
        assert (await http.post("/graphql", json=named(sha256(query)))).json() == greeting(query)


async def test_another_process_knows_it_too_and_each_use_renews_it(redis: Redis) -> None:
    query, key = text(), ""
    async with process() as here, process() as there:
        await here.post("/graphql", json=named(sha256(query), query=query))
        key = f"persisted:{sha256(query)}"
        assert DAYS_7 - 60 < await redis.ttl(key) <= DAYS_7
        await redis.expire(key, 1000)
        assert (await there.post("/graphql", json=named(sha256(query)))).json() == greeting(query)
        assert await redis.ttl(key) > 1000


async def test_the_setting_says_for_how_long(redis: Redis) -> None:
    query = text()
    async with process(persisted_query_days=2) as http:
        await http.post("/graphql", json=named(sha256(query), query=query))
    assert 2 * 86_400 - 60 < await redis.ttl(f"persisted:{sha256(query)}") <= 2 * 86_400


async def _nobody(command: object) -> None:
    pytest.fail("Redis was asked")


async def test_a_known_hash_asks_nobody_and_after_a_minute_is_renewed(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = text()
    async with process(rate_limits=False) as http:
        await http.post("/graphql", json=named(sha256(query), query=query))
        await redis.flushdb()
        with monkeypatch.context() as patched:
            patched.setattr(signals, "attempt", _nobody)
            for _ in range(20):
                assert (await http.post("/graphql", json=named(sha256(query)))).json() == greeting(query)
        assert await redis.exists(f"persisted:{sha256(query)}") == 0
        a_minute_later(monkeypatch)
        assert (await http.post("/graphql", json=named(sha256(query)))).json() == greeting(query)
        assert await redis.ttl(f"persisted:{sha256(query)}") > DAYS_7 - 60


async def test_a_hash_that_is_not_the_texts_is_refused_and_stores_nothing(redis: Redis) -> None:
    query, other = text(), sha256(text())
    async with process() as http:
        response = await http.post("/graphql", json=named(other, query=query))
        assert (response.status_code, code(response)) == (400, "PERSISTED_QUERY_HASH_MISMATCH")
        assert response.json()["errors"][0]["message"] == "provided sha does not match query"
        for name in (other, sha256(query)):
            assert code(await http.post("/graphql", json=named(name))) == "PERSISTED_QUERY_NOT_FOUND"
            assert await redis.exists(f"persisted:{name}") == 0


@pytest.mark.parametrize(
    ("query", "refusal"),
    [
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ hello", "GRAPHQL_PARSE_FAILED"),
        ("{" + " ".join(f"a{n}: hello" for n in range(40)) + "}", "TOO_COMPLEX"),
    ],
)
async def test_only_what_is_valid_and_within_the_limits_is_stored(redis: Redis, query: str, refusal: str) -> None:
    async with process() as http:
        assert code(await http.post("/graphql", json=named(sha256(query), query=query))) == refusal
        assert code(await http.post("/graphql", json=named(sha256(query)))) == "PERSISTED_QUERY_NOT_FOUND"
    assert await redis.exists(f"persisted:{sha256(query)}") == 0


async def test_a_long_text_runs_and_is_not_stored(redis: Redis) -> None:
    query = f"# {'x' * automatic.MAX_BYTES}\n{text()}"
    async with process() as http:
        assert (await http.post("/graphql", json=named(sha256(query), query=query))).json() == greeting(query)
        assert code(await http.post("/graphql", json=named(sha256(query)))) == "PERSISTED_QUERY_NOT_FOUND"
    assert await redis.exists(f"persisted:{sha256(query)}") == 0


async def test_a_flood_of_texts_drives_out_the_oldest_and_takes_no_more_room(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(automatic, "MAX_TEXTS", 3)
    await redis.flushdb()
    texts = [text() for _ in range(6)]
    async with process() as http:
        for query in texts:
            await http.post("/graphql", json=named(sha256(query), query=query))
            async with process() as other:  # the first is used all the time
                assert (await other.post("/graphql", json=named(sha256(texts[0])))).json() == greeting(texts[0])
    kept = {sha256(texts[0]), sha256(texts[4]), sha256(texts[5])}
    assert {key.decode() for key in await redis.keys("persisted:*")} == {f"persisted:{hash}" for hash in kept}
    assert {member.decode() for member in await redis.zrange("persisted", 0, -1)} == kept


async def test_a_process_remembers_a_bounded_number(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MAX_TEXTS", 2)
    texts = [text() for _ in range(3)]
    async with process() as http:
        for query in texts:
            await http.post("/graphql", json=named(sha256(query), query=query))
        await redis.flushdb()
        assert code(await http.post("/graphql", json=named(sha256(texts[0])))) == "PERSISTED_QUERY_NOT_FOUND"
        for query in texts[1:]:
            assert (await http.post("/graphql", json=named(sha256(query)))).json() == greeting(query)


async def test_over_get_where_get_is_on() -> None:
    query, mutation = text(), f'mutation {{ write(text: "{secrets.token_hex(8)}") }}'
    async with client(application(Environment.DEV)) as http:

        async def get(hash: str, **more: str) -> httpx.Response:
            extensions = json.dumps({"persistedQuery": {"version": 1, "sha256Hash": hash}})
            return await http.get("/graphql", params={**more, "extensions": extensions})

        assert code(await get(sha256(query))) == "PERSISTED_QUERY_NOT_FOUND"
        assert (await get(sha256(query), query=query)).json() == greeting(query)
        assert (await get(sha256(query))).json() == greeting(query)
        assert (await http.get("/graphql", params={"documentId": f"sha256:{sha256(query)}"})).json() == greeting(query)
        await http.post("/graphql", json=named(sha256(mutation), query=mutation))
        assert (await get(sha256(mutation))).status_code == 405
    async with process() as http:
        assert (await http.get("/graphql", params={"documentId": "a"})).status_code == 405


async def test_a_trusted_operation_has_four_names_in_three_members() -> None:
    query, id = text(), secrets.token_hex(16)
    await trusted(query, id)
    requests: list[dict[str, Any]] = [
        {"documentId": id},
        {"documentId": f"sha256:{sha256(query)}"},
        {"documentId": sha256(query)},
        {"doc_id": id},
        {"doc_id": id, "query": None, "variables": {}},
        {"documentId": id, "query": "", "operationName": None},
        named(id),
        named(sha256(query)),
    ]
    for request in requests:
        async with process() as http:
            assert (await http.post("/graphql", json=request)).json() == greeting(query), request
    async with process() as http:
        assert code(await http.post("/graphql", json={"documentId": "x-app:Nothing"})) == "PERSISTED_QUERY_NOT_FOUND"


async def test_one_operation_of_several_is_chosen_by_its_name() -> None:
    id = await trusted('query A { hello(name: "a") } query B { hello(name: "b") }', secrets.token_hex(16))
    async with process() as http:
        response = await http.post("/graphql", json={"documentId": id, "operationName": "B"})
        assert response.json() == {"data": {"hello": "Hello b"}}
        assert code(await http.post("/graphql", json={"documentId": id})) == "BAD_USER_INPUT"


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"documentId": 1}, "`documentId` must be a string of 1 to 128 characters."),
        ({"documentId": ""}, "`documentId` must be a string of 1 to 128 characters."),
        ({"doc_id": "a" * 129}, "`doc_id` must be a string of 1 to 128 characters."),
        ({"documentId": "a", "doc_id": "a"}, "Name the document once, not by documentId and doc_id."),
        (named("a", documentId="a"), "Name the document once, not by documentId and sha256Hash."),
        ({"documentId": "a", "query": "{hello}"}, "Send either `query` or the id of a document, not both."),
        ({"documentId": "a", "query": 1}, "`query` must be a string: the text of the operation."),
        ({"extensions": {"persistedQuery": "a"}}, "`persistedQuery` must be an object with `version` 1"),
        ({"extensions": {"persistedQuery": {"version": 2, "sha256Hash": "a"}}}, "must be an object with `version` 1"),
        ({"extensions": {"persistedQuery": {"version": 1}}}, "`sha256Hash` must be a string of 1 to 128 characters."),
        ({"id": "a"}, "`query` must be a string: the text of the operation."),
        ([named("a")], "Batches are not accepted: send one operation per request."),
    ],
)
async def test_a_name_that_is_none_is_refused_in_words(request_: Any, message: str) -> None:
    async with process() as http:
        response = await http.post("/graphql", json=request_)
        assert (response.status_code, code(response)) == (400, "BAD_REQUEST")
        assert message in response.json()["errors"][0]["message"]


async def test_a_name_may_not_come_twice() -> None:
    async with process() as http:
        body, kind = '{"documentId": "a", "documentId": "b"}', {"Content-Type": "application/json"}
        response = await http.post("/graphql", content=body, headers=kind)
        assert response.json()["errors"][0]["message"] == "The body has the same member twice."


async def test_where_only_trusted_operations_run() -> None:
    query, other = text(), text()
    await trusted(query, "x-app:" + secrets.token_hex(8))
    async with process(graphql_documents="trusted") as http:
        for request in ({"query": query}, named(sha256(query), query=query), named(sha256(query))):
            assert (await http.post("/graphql", json=request)).json() == greeting(query)
        for request in ({"query": other}, named(sha256(other), query=other), {"query": "{__typename}"}):
            refused = await http.post("/graphql", json=request)
            assert code(refused) == "PERSISTED_QUERY_ONLY"
            assert refused.json()["errors"][0]["message"].startswith("Only registered operations run here")
        assert code(await http.post("/graphql", json=named(sha256(other)))) == "PERSISTED_QUERY_NOT_FOUND"


async def test_what_anybody_had_stored_is_not_trusted() -> None:
    query = text()
    async with process() as anything, process(graphql_documents="trusted") as strict:
        await anything.post("/graphql", json=named(sha256(query), query=query))
        for request in (named(sha256(query)), {"documentId": f"sha256:{sha256(query)}"}):
            assert (await anything.post("/graphql", json=request)).json() == greeting(query)
            assert code(await strict.post("/graphql", json=request)) == "PERSISTED_QUERY_NOT_FOUND"


async def test_a_forgotten_operation_runs_for_a_minute_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    query = text()
    id = await trusted(query)
    async with process(graphql_documents="trusted") as http:
        assert (await http.post("/graphql", json={"documentId": id})).json() == greeting(query)
        await operations.forget(Actor.platform(), [id])
        await operations.drop_copies([id])
        a_minute_later(monkeypatch)
        assert code(await http.post("/graphql", json={"documentId": id})) == "PERSISTED_QUERY_NOT_FOUND"


async def test_without_redis_texts_run_and_hashes_are_not_found() -> None:
    query, kept = text(), await trusted(text())
    signals.connect(f"redis://127.0.0.1:{free_port()}/0")
    async with process() as http, process() as other:
        assert code(await http.post("/graphql", json=named(sha256(query)))) == "PERSISTED_QUERY_NOT_FOUND"
        assert (await http.post("/graphql", json=named(sha256(query), query=query))).json() == greeting(query)
        assert code(await other.post("/graphql", json=named(sha256(query)))) == "PERSISTED_QUERY_NOT_FOUND"
        assert "data" in (await other.post("/graphql", json={"documentId": kept})).json()


async def test_a_redis_that_hangs_makes_nobody_wait_for_long() -> None:
    query, over = text(), asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await over.wait()
        writer.close()

    async with await asyncio.start_server(hang, "127.0.0.1", 0) as server, process() as http:
        signals.connect(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0")
        async with asyncio.timeout(4):  # what the connection itself would wait is 5 s
            assert (await http.post("/graphql", json=named(sha256(query), query=query))).json() == greeting(query)
            assert code(await http.post("/graphql", json=named(sha256(text())))) == "PERSISTED_QUERY_NOT_FOUND"
        over.set()


async def test_without_mongodb_what_is_known_runs_and_the_rest_is_unavailable(
    monkeypatch: pytest.MonkeyPatch, redis: Redis
) -> None:
    query = text()
    id = await trusted(query)
    async with process(graphql_documents="trusted") as http:
        assert (await http.post("/graphql", json={"documentId": id})).json() == greeting(query)
        await redis.flushdb()
        away = AsyncMongoClient[Document](f"mongodb://127.0.0.1:{free_port()}/", serverSelectionTimeoutMS=100)
        monkeypatch.setattr(connection, "_client", away)
        a_minute_later(monkeypatch)
        assert (await http.post("/graphql", json={"documentId": id})).json() == greeting(query)
        unknown = await http.post("/graphql", json={"documentId": "x-app:Other"})
        assert unknown.json()["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
        await away.close()


async def test_the_figures() -> None:
    query, long = text(), f"# {'x' * automatic.MAX_BYTES}\n{{hello}}"
    before = outcomes()
    async with process() as http, process() as other, process(graphql_documents="trusted") as strict:
        await http.post("/graphql", json=named(sha256(query)))
        await http.post("/graphql", json=named(sha256(query), query=query))
        await http.post("/graphql", json=named(sha256(query)))
        await http.post("/graphql", json={"query": query})  # names nothing
        await other.post("/graphql", json=named(sha256(query)))
        await http.post("/graphql", json=named(sha256(long), query=long))
        await strict.post("/graphql", json={"query": query})
    seen = {name: count - before[name] for name, count in outcomes().items()}
    assert seen == {"hit": 1, "fetched": 1, "missed": 1, "stored": 1, "refused": 2}
