"""R30: people write to each other while everything beneath them dies and comes back, and no message is lost.

The seed decides which faults come in which order and what clients do next; the machine decides the rest.
"""

import asyncio
import random
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.chaos.conversations import checks
from tests.chaos.conversations.clients import Listener, Record, Sender
from tests.faults.deployment import Deployment, deployed
from tests.faults.faults import ELECTIONS, FAULTS, PARTITIONS, Fault
from tests.faults.storms import Storm, chance
from tests.world import Person, organization

REQUEST_SECONDS = 3
"""How long clients wait for an answer; a frozen process is silent for longer."""
CATCH_UP_SECONDS = 15
"""Within which everybody must have heard everything, once the last fault is over."""
ECHO_SECONDS = 1
"""After which what must not come would have come."""
WORKERS = 2
MEMBERSHIPS = 4
"""Conversations that each client is in, at most."""
EVERYTHING = ("clients reset", *FAULTS)
"""What can go wrong on one node of MongoDB; on three, `ELECTIONS` and `PARTITIONS` as well."""
START = "query Start($id: ID!) { conversation(id: $id) { cursor } }"

Announce = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """How much of what; `seconds` is what sending takes when nothing delays it, `pause` lies between two faults."""

    seed: int
    clients: int
    conversations: int
    messages: int
    seconds: float
    pause: float
    servers: int
    faults: Sequence[str]
    nodes: int = 1

    def chance(self, purpose: str) -> random.Random:
        return chance(self.seed, purpose)


@dataclass
class Outcome:
    """What happened, and what of it must not have."""

    record: Record
    faults: list[tuple[str, str]] = field(default_factory=list)
    """Their names, and whom they struck."""
    problems: list[str] = field(default_factory=list)
    caught_up: float = 0.0
    """Seconds from the end of the last fault until everything held."""


async def run(
    plan: Plan,
    directory: Path,
    announce: Announce,
    beside: Callable[[Deployment], Coroutine[Any, Any, None]] | None = None,
) -> Outcome:
    """Carry the plan out with processes of its own, whose data and logs are in the directory.

    `beside` runs while messages are sent and compared, and is cancelled then.
    """
    outcome = Outcome(Record())
    announce("Starting MongoDB, Valkey, servers and workers")
    wired = not PARTITIONS.keys().isdisjoint(plan.faults)
    async with deployed(directory, servers=plan.servers, workers=WORKERS, nodes=plan.nodes, wired=wired) as deployment:
        announce("Signing people in")
        people = [await deployment.worlds[0].person(f"Client{number}") for number in range(plan.clients)]
        await organization(*people)
        members = await _converse(people, plan.conversations)
        clients = [await _client(person, members, deployment, outcome.record) for person in people]
        listeners = [listener for _, listener in clients]
        deployment.worlds[0].http.timeout = REQUEST_SECONDS
        async with asyncio.TaskGroup() as group:
            listening = [group.create_task(listener.run(plan.chance(listener.name))) for listener in listeners]
            if beside:
                listening.append(group.create_task(beside(deployment)))
            await _send(plan, deployment, clients, outcome, announce)
            announce("Comparing")
            await _catch_up(deployment, listeners, outcome)
            for task in listening:
                task.cancel()
        readers = {id: inside[0] for id, inside in members.items()}
        outcome.problems += await checks.shown(readers, outcome.record)
        outcome.problems += [*checks.refused(outcome.record), *deployment.ended()]
    return outcome


async def _converse(people: Sequence[Person], conversations: int) -> dict[str, list[Person]]:
    """The members of each new conversation."""
    inside: list[list[Person]] = [[] for _ in range(conversations)]
    for number, person in enumerate(people):
        for step in range(min(MEMBERSHIPS, conversations)):
            inside[(number + step) % conversations].append(person)
    return {await first.start(*others, title="Chaos"): [first, *others] for first, *others in inside}


async def _client(
    person: Person, members: dict[str, list[Person]], deployment: Deployment, record: Record
) -> tuple[Sender, Listener]:
    mine = [id for id, inside in members.items() if person in inside]
    cursors = {id: (await person.ask(START, id=id))["conversation"]["cursor"] for id in mine}
    return Sender(person, deployment.worlds, mine, record), Listener(person, deployment.worlds, cursors, record)


async def _send(
    plan: Plan,
    deployment: Deployment,
    clients: Sequence[tuple[Sender, Listener]],
    outcome: Outcome,
    announce: Announce,
) -> None:
    """Let everybody send their share while faults come; returns when all is sent and every fault is over."""

    share = plan.messages // plan.clients
    faults = {"clients reset": _reset(clients), **FAULTS, **ELECTIONS, **PARTITIONS}
    storm = Storm(plan.seed, {name: faults[name] for name in plan.faults}, plan.pause, outcome.faults)
    async with asyncio.TaskGroup() as group:
        sending = [
            group.create_task(sender.run(share, plan.seconds, plan.chance(f"{listener.name} sending")))
            for sender, listener in clients
        ]

        def over() -> bool:
            acknowledged = outcome.record.answers["acknowledged"]
            announce(f"{acknowledged} of {plan.messages} messages acknowledged, {len(outcome.faults)} faults")
            return all(task.done() for task in sending)

        await storm.rage(deployment, over)


def _reset(clients: Sequence[tuple[Sender, Listener]]) -> Fault:
    """Half of the clients lose their connections."""

    async def reset(_: Deployment, chance: random.Random) -> str:
        struck = chance.sample(clients, len(clients) // 2)
        for sender, listener in struck:
            sender.cut()
            listener.cut()
        return f"{len(struck)} clients"

    return reset


async def _catch_up(deployment: Deployment, listeners: Sequence[Listener], outcome: Outcome) -> None:
    """Compare until all holds or the time is over, and once more when what must not come would have come."""
    start = time.monotonic()
    while True:
        problems = await checks.problems(deployment.database, listeners, outcome.record)
        outcome.caught_up = time.monotonic() - start
        if not problems or outcome.caught_up > CATCH_UP_SECONDS:
            break
        await asyncio.sleep(0.2)
    await asyncio.sleep(ECHO_SECONDS)
    outcome.problems = await checks.problems(deployment.database, listeners, outcome.record)
