"""Apollo Client, urql and Relay with persisted queries, and their subscriptions through sockets that are cut."""

import asyncio
import json
import secrets
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.clients import installation
from tests.world import Person, Processes

CLIENTS = Path(__file__).parents[1] / "clients"
SECONDS = 60.0
MESSAGES, DROP = 24, 5

AUTOMATIC = ["POST hash no text", "POST hash text", "POST hash no text", "POST hash no text", "POST hash text"]
"""Asked twice and sent once: each text is stored when its hash was not known."""


@pytest.fixture(scope="module")
def node(processes: Processes) -> str:
    """Node, with the clients; what Relay's was compiled to is registered."""
    processes.run("operations", "push", str(CLIENTS / "relay" / "persisted_queries.json"))
    return installation.node(CLIENTS)


async def run(node: str, client: str, **job: object) -> dict[str, Any]:
    """What the client handed to its user."""
    process = await asyncio.create_subprocess_exec(
        *(node, "persisted.mjs", client, json.dumps(job)), cwd=CLIENTS, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        output, errors = await asyncio.wait_for(process.communicate(), SECONDS)
    except TimeoutError:
        process.kill()
        output, errors = await process.communicate()
        pytest.fail(f"{client} was not done within {SECONDS} s: {errors.decode()}")
    assert process.returncode == 0, errors.decode()
    answer: dict[str, Any] = json.loads(output)
    return answer


@pytest.mark.parametrize(
    ("client", "requests"),
    [
        ("@apollo/client", AUTOMATIC),
        ("@apollo/client by GET", ["GET hash no text", "POST hash text", "GET hash no text", *AUTOMATIC[3:]]),
        ("urql", AUTOMATIC),
        ("relay-runtime", ["POST id no text"] * 3),
    ],
    ids=["apollo", "apollo by GET", "urql", "relay"],
)
async def test_a_client_names_its_operations_and_its_subscription_misses_and_repeats_nothing(
    node: str, company: list[Person], client: str, requests: list[str]
) -> None:
    owner, member = company[:2]
    conversation = await owner.start(member)
    read = await owner.call("conversation", id=conversation, depth=1)
    mine = secrets.token_hex(4)
    following = asyncio.create_task(
        run(
            node,
            client,
            address=owner.world.graphql,
            token=owner.token,
            conversation=conversation,
            text=mine,
            after=read["cursor"],
            take=MESSAGES + 1,
            drop=DROP,
        )
    )
    sent = [str(number) for number in range(MESSAGES)]
    for text in sent:
        await member.send(conversation, text)
        await asyncio.sleep(0.02)
    seen = await following
    assert seen["me"] == [owner.name] * 2
    assert seen["sent"] == mine
    assert seen["requests"] == requests
    assert [text for text in seen["texts"] if text != mine] == sent
    assert seen["texts"].count(mine) == 1
    assert seen["sockets"] == 1 + MESSAGES // DROP
