"""The JavaScript clients that people use query, mutate and subscribe with a token."""

import asyncio
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.sockets.clients import Served

HERE = Path(__file__).parent
SECONDS = 30.0


@pytest.fixture(scope="module")
def node() -> str:
    """Node, with the clients installed as the lock file says."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.fail("The client tests need Node.js 20 or later with npm on PATH.")
    installed = subprocess.run(
        [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=HERE, capture_output=True, text=True
    )
    assert installed.returncode == 0, installed.stderr
    return node


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with Served(guards={"sse.HEARTBEAT_SECONDS": 0.02}) as server:
        yield server


async def run(node: str, client: str, served: Served, **job: object) -> dict[str, Any]:
    """What the client handed to its user."""
    text = json.dumps({"address": f"{served.url}/graphql", **job})
    process = await asyncio.create_subprocess_exec(
        *(node, "clients.mjs", client, text), cwd=HERE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        output, errors = await asyncio.wait_for(process.communicate(), SECONDS)
    except TimeoutError:
        process.kill()
        await process.communicate()
        pytest.fail(f"{client} was not done within {SECONDS} s")
    assert process.returncode == 0, errors.decode()
    answer: dict[str, Any] = json.loads(output)
    return answer


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
