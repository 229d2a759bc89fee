"""`@defer` and `@stream` over HTTP: parts for clients that take them, in the format they take, a whole for others."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from unittest.mock import Mock

import httpx
import pytest
from starlette.applications import Starlette

from app.api import errors, incremental, runs
from app.api.deferspec import translated
from app.api.negotiation import Format
from app.core.actor import ANONYMOUS
from app.execution.engine import Engine
from app.execution.limits import Limits
from app.schema.kit.context import Context
from tests.api import gated
from tests.api.graphql import schema
from tests.api.graphql.serving import application, client, listening
from tests.api.graphql.test_time_limits import until
from tests.api.sockets.clients import parts

CURRENT = f"multipart/mixed;{Format.CURRENT}, application/json"
OF_2022 = f"multipart/mixed;{Format.OF_2022}, application/json"
TITLE = {"article": {"title": "Title"}}


@pytest.fixture(autouse=True)
def gates_are_closed() -> None:
    gated.gates.clear()


@pytest.fixture(scope="module")
async def address() -> AsyncGenerator[str]:
    async with listening(application()) as address:
        yield address


@asynccontextmanager
async def asking(
    address: str, query: str, accept: str = CURRENT
) -> AsyncGenerator[tuple[httpx.Response, AsyncIterator[Any]]]:
    """The response to a query, and its parts."""
    async with (
        httpx.AsyncClient(base_url=address) as http,
        http.stream("POST", "/graphql", json={"query": query}, headers={"Accept": accept}) as response,
    ):
        yield response, parts(response)


async def everything(address: str, query: str, accept: str = CURRENT) -> list[Any]:
    async with asking(address, query, accept) as (_, said):
        return [part async for part in said]


async def whole(app: Starlette, query: str, accept: str = "application/json") -> httpx.Response:
    async with client(app, accept=accept) as http:
        return await http.post("/graphql", json={"query": query})


@pytest.mark.parametrize(
    ("accept", "parameter"),
    [
        ("multipart/mixed;incrementalSpec=v0.2, application/json", "incrementalSpec=v0.2"),
        ('application/json, multipart/mixed; incrementalSpec="v0.2"', "incrementalSpec=v0.2"),
        ("multipart/mixed;deferSpec=20220824,application/graphql-response+json;q=0.9", "deferSpec=20220824"),
        ("application/json, text/event-stream, multipart/mixed", "deferSpec=20220824"),
        ("multipart/mixed", "deferSpec=20220824"),
        ("multipart/mixed;subscriptionSpec=1.0, multipart/mixed;deferSpec=20220824", "deferSpec=20220824"),
    ],
)
async def test_clients_that_take_parts_get_them_in_their_format(address: str, accept: str, parameter: str) -> None:
    async with asking(address, "{article{title ...@defer{body}}}", accept) as (response, said):
        assert response.status_code == 200
        assert response.headers["content-type"] == f'multipart/mixed; boundary="graphql"; {parameter}'
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["x-request-id"]
        [first, last] = [part async for part in said]
    assert first["data"] == TITLE
    assert last["incremental"][0]["data"] == {"body": "Body"}


@pytest.mark.parametrize(
    "accept",
    [
        "",
        "*/*",
        "application/json",
        "application/graphql-response+json, application/json;q=0.9",
        "application/json, multipart/*",
        "application/json, multipart/mixed;q=0",
        "application/json, multipart/mixed;incrementalSpec=v9",
        "application/json, multipart/mixed;boundary=graphql;subscriptionSpec=1.0",
    ],
)
async def test_other_clients_get_the_whole(accept: str) -> None:
    query = "{article{title ...@defer{body} comments(first: 1)@stream{text}}}"
    response = await whole(application(), query, accept)
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("application/")
    assert response.json() == {
        "data": {"article": {"title": "Title", "body": "Body", "comments": [{"text": "Comment 0"}]}}
    }


@pytest.mark.parametrize("accept", [CURRENT, OF_2022, "multipart/mixed"])
@pytest.mark.parametrize("query", ["{article{title}}", "{article{title ...@defer(if: false){body}}}"])
async def test_what_is_not_put_off_is_answered_in_json(accept: str, query: str) -> None:
    response = await whole(application(), query, accept)
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    assert response.json()["data"]["article"]["title"] == "Title"
    assert "hasNext" not in response.json()


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{article{...@defer{nothing}}}", "GRAPHQL_VALIDATION_FAILED"),
        ("mutation{...@defer{write}}", "GRAPHQL_VALIDATION_FAILED"),
        ("{article{comments@stream(initialCount: -1){text}}}", "GRAPHQL_VALIDATION_FAILED"),
        ("query($n: Int = -1){article{comments@stream(initialCount: $n){text}}}", "BAD_USER_INPUT"),
        ("{article{" + "...@defer{title}" * 21 + "}}", "TOO_COMPLEX"),
    ],
)
async def test_what_cannot_be_run_is_refused_as_ever(query: str, code: str) -> None:
    response = await whole(application(), query, CURRENT)
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    assert response.json()["errors"][0]["extensions"]["code"] == code


def framed(*said: dict[str, Any]) -> bytes:
    """Parts as they travel."""
    head = b"\r\nContent-Type: application/json; charset=utf-8\r\n\r\n"
    return b"".join(head + json.dumps(one, separators=(",", ":")).encode() + b"\r\n--graphql" for one in said)


async def test_a_part_travels_with_the_boundary_behind_it() -> None:
    """Clients hand a part on when they see where it ends: a boundary that waits for the next would hold it back."""
    async with (
        listening(application()) as address,
        httpx.AsyncClient(base_url=address, headers={"Accept": CURRENT}) as http,
        http.stream(
            "POST", "/graphql", json={"query": '{article{title ...@defer(label: "b"){body(gate: "framing")}}}'}
        ) as response,
    ):
        chunks = response.aiter_raw()
        pending = [{"id": "0", "path": ["article"], "label": "b"}]
        assert await anext(chunks) == b"\r\n--graphql" + framed({"data": TITLE, "pending": pending, "hasNext": True})
        gated.gates["framing"].set()
        last = {
            "incremental": [{"id": "0", "data": {"body": "Body"}}],
            "completed": [{"id": "0"}],
            "hasNext": False,
        }
        assert b"".join([chunk async for chunk in chunks]) == framed(last) + b"--\r\n"


async def test_the_format_of_2022_names_parts_by_path_and_label(address: str) -> None:
    query = """{
        article {
            title
            ...@defer(label: "late") { body(gate: "2022") }
            comments @stream(initialCount: 1, label: "list") { id }
        }
    }"""
    async with asking(address, query, OF_2022) as (_, said):
        article = {"title": "Title", "comments": [{"id": "0"}]}
        assert await anext(said) == {"data": {"article": article}, "hasNext": True}
        items = {"items": [{"id": "1"}, {"id": "2"}], "path": ["article", "comments", 1], "label": "list"}
        assert await anext(said) == {"incremental": [items], "hasNext": True}
        gated.gates["2022"].set()
        late = {"data": {"body": "Body"}, "path": ["article"], "label": "late"}
        assert [part async for part in said] == [{"incremental": [late], "hasNext": False}]


async def test_the_format_of_2022_keeps_a_fragment_whole(address: str) -> None:
    """What shares its objects with the answer comes in pieces, which clients of 2022 would not know where to put."""
    query = """{
        article {
            comments(first: 2) { id }
            ...@defer(label: "F") { title comments(first: 2) { text ...@defer(label: "G") { id again: text } } }
        }
    }"""
    first, *rest = await everything(address, query, OF_2022)
    assert first == {"data": {"article": {"comments": [{"id": "0"}, {"id": "1"}]}}, "hasNext": True}
    told = {(part["label"], *part["path"]): part["data"] for payload in rest for part in payload["incremental"]}
    fragment = told.pop(("F", "article"))
    assert fragment["title"] == "Title"
    assert [(item["id"], item["text"]) for item in fragment["comments"]] == [("0", "Comment 0"), ("1", "Comment 1")]
    assert told == {("G", "article", "comments", n): {"again": f"Comment {n}"} for n in range(2)}


async def test_the_format_of_2022_tells_of_fragments_that_bring_nothing_new(address: str) -> None:
    query = '{article{...@defer(label: "A"){body} ...@defer(label: "B"){body}}}'
    _, *rest = await everything(address, query, OF_2022)
    told = {part["label"]: part["data"] for payload in rest for part in payload["incremental"]}
    assert told == {"A": {"body": "Body"}, "B": {}}


async def test_a_part_that_fails_takes_nothing_with_it(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    log = Mock()
    monkeypatch.setattr(errors, "log", log)
    query = """{
        article {
            title
            ...@defer(label: "A") { broken }
            ...@defer(label: "B") { broken title }
            ...@defer(label: "C") { body missing: missing }
            ...@defer(label: "D") { body }
            comments @stream(label: "E") { broken }
        }
    }"""
    first, *rest = await everything(address, query)
    labels = {part["id"]: part["label"] for payload in (first, *rest) for part in payload.get("pending", ())}
    ends = {labels[end["id"]]: end.get("errors") for payload in rest for end in payload.get("completed", ())}
    codes = {label: failed and [error["extensions"]["code"] for error in failed] for label, failed in ends.items()}
    assert codes == {"A": ["INTERNAL"], "B": ["INTERNAL"], "C": ["NOT_FOUND"], "D": None, "E": ["INTERNAL"]}
    assert ends["A"] == ends["B"]
    assert ends["A"][0]["path"] == ["article", "broken"]
    assert gated.SECRET not in json.dumps(rest)
    assert log.error.call_count == 2, "once for what A and B share, once for the list"
    assert first["data"] == {"article": {"title": "Title", "comments": []}}


async def test_the_format_of_2022_tells_failed_parts_by_null(address: str) -> None:
    query = """{
        article { ...@defer(label: "A") { broken } comments @stream(initialCount: 1, label: "E") { text(gate: null) } }
        articles(first: 1) { comments(first: 1) @stream(label: "F") { broken } }
    }"""
    _, *rest = await everything(address, query, OF_2022)
    told = {part["label"]: part for payload in rest for part in payload["incremental"]}
    assert told["A"]["data"] is None
    assert told["A"]["path"] == ["article"]
    assert told["F"]["items"] is None
    assert told["F"]["path"] == ["articles", 0, "comments", 0]
    assert {label for label in told if "errors" in told[label]} == {"A", "F"}
    assert len(told["E"]["items"]) == 2
    assert rest[-1]["hasNext"] is False


@pytest.mark.parametrize("accept", [CURRENT, OF_2022])
async def test_s12_what_does_not_come_in_time_is_told_of(accept: str) -> None:
    cancelled = gated.counts["cancelled"]
    query = """{
        article {
            ...@defer(label: "A") { body(gate: "for ever") }
            ...@defer(label: "B") { title }
            comments @stream(initialCount: 0, label: "C") { text(gate: "for ever") }
        }
    }"""
    async with listening(application(graphql_timeout_seconds=0.5)) as address:
        first, *rest = await everything(address, query, accept)
    ends = rest[-1]["completed" if accept == CURRENT else "incremental"]
    assert [end["errors"][0]["extensions"]["code"] for end in ends] == ["TIMEOUT"] * 2
    assert {tuple(end["errors"][0]["path"]) for end in ends} == {("article",), ("article", "comments")}
    assert rest[-1]["hasNext"] is False
    assert first["hasNext"] is True
    assert gated.counts["cancelled"] == cancelled + 2


async def test_s12_an_answer_that_does_not_come_in_time_is_a_refusal_as_ever() -> None:
    query = '{article{body(gate: "for ever") ...@defer{title}}}'
    response = await whole(application(graphql_timeout_seconds=0.3), query, CURRENT)
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    assert response.json()["errors"][0]["extensions"]["code"] == "TIMEOUT"


async def test_s12_what_was_put_off_ends_with_its_client(address: str) -> None:
    cancelled = gated.counts["cancelled"]
    async with asking(address, '{article{title ...@defer{body(gate: "left")}}}') as (_, said):
        assert (await anext(said))["data"] == TITLE
        await until(lambda: gated.counts["waiting"] > 0)
    await until(lambda: gated.counts["cancelled"] == cancelled + 1)
    assert gated.counts["waiting"] == 0


@pytest.mark.parametrize("written", [lambda payloads: payloads, translated])
async def test_s12_closing_the_payloads_ends_what_was_put_off(
    written: Callable[[AsyncGenerator[Any, None]], AsyncGenerator[Any, None]],
) -> None:
    engine = Engine(schema.schema, Limits(), introspection=False, suggestions=False)
    operation = engine.prepare('{article{...@defer{body(gate: "closed")} comments@stream{id}}}', None)
    payloads = written(await incremental.begin(engine, operation, None, Context(ANONYMOUS), 10))
    await anext(payloads)
    await anext(payloads)
    assert gated.counts["waiting"] == 1
    await payloads.aclose()
    assert gated.counts["waiting"] == 0


async def test_s12_a_mutation_does_not_end_with_a_client_that_wanted_parts(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Mock()
    monkeypatch.setattr(runs, "log", log)
    before = schema.counts.copy()
    query = 'mutation Leave{publish(title: "Left", seconds: 0.5){title ...@defer{body}}}'
    async with httpx.AsyncClient(base_url=address, headers={"Accept": CURRENT}) as http:
        request = asyncio.create_task(http.post("/graphql", json={"query": query}))
        await until(lambda: schema.counts["Left begun"] > before["Left begun"])
        request.cancel()
        await asyncio.wait([request])
    await until(lambda: schema.counts["Left done"] > before["Left done"])
    await runs.settled()
    await until(lambda: log.info.called)
    assert log.info.call_args.args == ("graphql.finished_late",)
    assert (log.info.call_args.kwargs["operation"], log.info.call_args.kwargs["errors"]) == ("Leave", [])


async def test_mutations_run_one_after_the_other_and_then_what_they_put_off(address: str) -> None:
    query = 'mutation{a: publish(title: "A"){title ...@defer{body}} b: publish(title: "B"){title}}'
    first, last = await everything(address, query)
    assert first["data"] == {"a": {"title": "A"}, "b": {"title": "B"}}
    assert last["incremental"] == [{"id": "0", "data": {"body": "Body"}}]


async def test_errors_of_the_answer_itself_come_with_it(address: str) -> None:
    first, last = await everything(address, "{article{title ...@defer{body}} fail(kind: 42)}".replace("42", '"none"'))
    [error] = first["errors"]
    assert (error["path"], error["extensions"]["code"]) == (["fail"], "INTERNAL")
    assert last["incremental"] == [{"id": "0", "data": {"body": "Body"}}]
