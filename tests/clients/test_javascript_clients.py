"""The JavaScript clients that people use query, mutate and subscribe with a token."""

import asyncio
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.sockets.clients import Served
from tests.clients import installation

HERE = Path(__file__).parent
SECONDS = 30.0


@pytest.fixture(scope="module")
def node() -> str:
    """Node, with the clients."""
    return installation.node(HERE)


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with Served(guards={"sse.HEARTBEAT_SECONDS": 0.02}) as server:
        yield server


async def run(node: str, client: str, served: Served, *, script: str = "clients.mjs", **job: object) -> Any:
    """What the client handed to its user."""
    text = json.dumps({"address": f"{served.url}/graphql", **job})
    process = await asyncio.create_subprocess_exec(
        *(node, script, client, text), cwd=HERE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        output, errors = await asyncio.wait_for(process.communicate(), SECONDS)
    except TimeoutError:
        process.kill()
        await process.communicate()
        pytest.fail(f"{client} was not done within {SECONDS} s")
    assert process.returncode == 0, errors.decode()
    return json.loads(output)


@pytest.mark.parametrize("client", ["graphql-ws", "graphql-sse", "@apollo/client"])
async def test_a_client_queries_mutates_and_subscribes(node: str, served: Served, client: str) -> None:
    seen = await run(
        node,
        client,
        served,
        tokens=["ada"],
        query="{ me }",
        mutation=f'mutation {{ note(text: "by {client}") }}',
        subscription="subscription { mine }",
        take=3,
    )
    assert [result["data"] for result in seen["query"]] == [{"me": "ada"}]
    assert [result["data"] for result in seen["mutation"]] == [{"note": f"by {client}"}]
    assert [result["data"] for result in seen["subscription"]] == [{"mine": "ada"}] * 3
    assert f"ada: by {client}" in (await served.state())["notes"]
    if client == "graphql-sse":
        assert seen["invalid"] == 400
    else:
        assert [error["extensions"]["code"] for error in seen["invalid"]] == ["GRAPHQL_VALIDATION_FAILED"]
    await served.reaches(lambda state: state.get("open", 0) == 0)


async def test_a_subscription_goes_on_with_the_next_token(node: str, served: Served) -> None:
    subscription = "subscription { mine }"
    seen = await run(node, "graphql-ws again", served, tokens=["ada;1", "grace"], subscription=subscription, take=2)
    assert [result["data"] for result in seen["subscription"]] == [{"mine": "ada"}, {"mine": "grace"}]
    assert seen["closings"][0] == 4403


async def parts(node: str, client: str, served: Served, query: str) -> list[Any]:
    """What the user of a client saw, one after the other; the gate of the client's name opens after the first."""
    address = f"{served.url}/open/{client}"
    seen: list[Any] = await run(node, client, served, script="incremental.mjs", query=query, open=address)
    return seen


ARTICLE = """query ArticleQuery {
    article {
        id
        title
        ... @defer(label: "ArticleQuery$defer$Body") { body(gate: "CLIENT") }
        comments(first: 3) @stream(initialCount: 1, label: "ArticleQuery$stream$comments") { id text }
    }
}"""


@pytest.mark.parametrize("client", ["apollo", "apollo-2022", "apollo-socket", "urql", "relay"])
async def test_a_client_shows_the_answer_before_what_was_put_off(node: str, served: Served, client: str) -> None:
    seen = [shown["data"]["article"] for shown in await parts(node, client, served, ARTICLE.replace("CLIENT", client))]
    assert seen[0]["title"] == "Title"
    assert seen[0].get("body") is None
    assert [comment["text"] for comment in seen[0]["comments"]] == ["Comment 0"]
    assert seen[-1]["body"] == "Body"
    assert [comment["text"] for comment in seen[-1]["comments"]] == ["Comment 0", "Comment 1", "Comment 2"]


@pytest.mark.parametrize("client", ["apollo", "apollo-2022", "urql"])
async def test_a_client_keeps_the_answer_when_what_was_put_off_fails(node: str, served: Served, client: str) -> None:
    query = f'{{article{{id title ...@defer{{broken(gate: "{client}")}}}}}}'
    first, *_, last = await parts(node, client, served, query)
    assert first["codes"] == []
    assert last["codes"] == ["INTERNAL"]
    assert last["data"]["article"]["title"] == first["data"]["article"]["title"] == "Title"


@pytest.mark.parametrize("client", ["graphql-ws", "graphql-sse"])
async def test_a_stream_brings_parts_one_after_the_other(node: str, served: Served, client: str) -> None:
    seen = await parts(node, client, served, f'{{article{{title ...@defer{{body(gate: "{client}")}}}}}}')
    first, last = (shown["data"] for shown in seen)
    assert first["data"] == {"article": {"title": "Title"}}
    assert last["incremental"] == [{"id": "0", "data": {"body": "Body"}}]
    assert (first["hasNext"], last["hasNext"]) == (True, False)
