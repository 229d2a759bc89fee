"""R41: everything is restarted, one after another, as a deployment does, and nobody who asks notices."""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import httpx

from app.core.changes import log
from app.models.messaging.events import MessageSent
from tests.chaos.conversations.clients import SEND
from tests.faults.deployment import Deployment, deployed
from tests.faults.histories import History, Outcome, disorder
from tests.faults.members import Member
from tests.faults.storms import chance
from tests.world import Data, Person, organization, until

READ = "query Read($id: ID!) { conversation(id: $id) { messages(first: 10) { nodes { id text } } } }"
WRITES = 0.25
"""The share of requests that send a message."""
PATIENCE = 20.0
RETRY_PAUSE = 0.5
REST = 2.0
"""Seconds between two restarts."""

Announce = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """`rate` is requests a second; `nodes` of MongoDB are restarted, too, when there are three."""

    seed: int
    rate: float
    nodes: int


@dataclass
class Outcomes:
    """What became of requests; `failed` are those that failed again when they were tried once more."""

    history: History = field(default_factory=History)
    reads: int = 0
    retried: Counter[str] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)
    restarts: list[tuple[str, float]] = field(default_factory=list)
    """Who was restarted, and how many seconds it took to end and to work again."""
    problems: list[str] = field(default_factory=list)


class _Failed(Exception):
    """One attempt did not succeed, and may be made again."""


async def run(plan: Plan, directory: Path, announce: Announce) -> Outcomes:
    """Restart everything under load."""
    outcomes = Outcomes()
    announce("Starting everything")
    async with deployed(directory, servers=2, workers=2, nodes=plan.nodes, durable=True) as deployment:
        person, other = [await deployment.worlds[0].person(name) for name in ("Asking", "Listening")]
        await organization(person, other)
        conversation = await person.start(other, title="Rolling")
        people = [Person(world, person.name, person.email, person.id, person.token) for world in deployment.worlds]
        people[0].world.http.timeout = PATIENCE
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(_load(plan, people, conversation, outcomes, stop))
            await asyncio.sleep(REST)
            for member in await _order(deployment):
                announce(f"Restarting {member}; {len(outcomes.failed)} failed")
                begun = time.monotonic()
                await member.restart(gently=True)
                if member in deployment.nodes:
                    await until(deployment.mongo.whole, 120)
                outcomes.restarts.append((str(member), time.monotonic() - begun))
                await asyncio.sleep(REST)
            stop.set()
        outcomes.problems += await _problems(deployment, outcomes)
        outcomes.problems += deployment.ended()
    return outcomes


async def _order(deployment: Deployment) -> Sequence[Member]:
    """Servers, workers, Valkey; then the nodes of MongoDB, the primary last."""
    primary = await deployment.primary()
    nodes = [*(node for node in deployment.nodes if node is not primary), primary]
    return [*deployment.servers, *deployment.workers, deployment.valkey, *(nodes if len(nodes) > 1 else [])]


async def _load(
    plan: Plan, people: Sequence[Person], conversation: str, outcomes: Outcomes, stop: asyncio.Event
) -> None:
    """So many requests a second, whether or not earlier ones are answered."""
    random, start = chance(plan.seed, "load"), time.monotonic()
    async with asyncio.TaskGroup() as group:
        for number in itertools.count():
            await asyncio.sleep(start + number / plan.rate - time.monotonic())
            if stop.is_set():
                return
            group.create_task(_request(number, random, people, conversation, outcomes))


async def _request(
    number: int, random: Random, people: Sequence[Person], conversation: str, outcomes: Outcomes
) -> None:
    """One request, and once more at the other server if it failed."""
    key = f"rolling/{number}"
    writes, first = random.random() < WRITES, random.randrange(len(people))
    given = {"conversationId": conversation, "text": key, "clientMessageId": key}
    variables: Data = {"input": given} if writes else {"id": conversation}
    for again in (False, True):
        operation = outcomes.history.invoke(key, key) if writes else None
        try:
            await _attempt(people[first - again], SEND if writes else READ, variables)
        except _Failed as error:
            if again:
                outcomes.failed.append(str(error))
            else:
                outcomes.retried[str(error)] += 1
                await asyncio.sleep(RETRY_PAUSE)
        else:
            if operation:
                operation.end(Outcome.OK)
            outcomes.reads += not writes
            return


async def _attempt(person: Person, query: str, variables: Data) -> None:
    try:
        response = await person.post(query, variables)
    except httpx.TransportError as error:
        raise _Failed(type(error).__name__) from error
    answer = response.json()
    if errors := answer.get("errors"):
        raise _Failed(errors[0]["extensions"]["code"])


async def _problems(deployment: Deployment, outcomes: Outcomes) -> list[str]:
    """What was lost, or is there twice, or is not in the log as it is in the collection."""
    rows = [row async for row in deployment.database["messages"].find({}, {"client_message_id": 1})]
    found = outcomes.history.problems(row["client_message_id"] for row in rows)

    async def told() -> list[str]:
        query = {"t": MessageSent.type()}
        return [str(row["d"]["message"]) async for row in deployment.database[log.LOG].find(query)]

    async def settled() -> bool:
        return len(await told()) >= len(rows)

    await until(settled, 60)
    if what := disorder(sorted(await told()), sorted(str(row["_id"]) for row in rows)):
        found.append(f"the log: {what}")
    return found
