"""R20: everybody writes while MongoDB loses its primary, in one way after another.

A round in which no other node came to lead proves nothing: it is void, and waits cannot end before one does.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from app.core import database
from app.core.changes import log
from tests.chaos.failover.strikes import STRIKES
from tests.chaos.failover.writers import ChaosEntryMade, Entry, Refused, Write, insert, keep_writing, sending
from tests.faults.deployment import DATABASE, Deployment, deployed
from tests.faults.histories import History
from tests.faults.storms import chance
from tests.world import organization, until

BEFORE_SECONDS = 2.0
"""How long all goes well before a strike, and after it is over."""
LOG_SECONDS = 30
"""Within which everything that was acknowledged must be in the log."""
REQUEST_SECONDS = 20.0

Announce = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """`writers` of each kind; `held` is how many seconds a primary stays frozen or cut off."""

    seeds: Sequence[int]
    strikes: Sequence[str]
    writers: int
    held: float


@dataclass
class Round:
    """One strike: who lost the lead to whom, and what became of what was written meanwhile."""

    strike: str
    seed: int
    former: str = ""
    next: str = ""
    entries: History = field(default_factory=History)
    messages: History = field(default_factory=History)
    refused: Refused = field(default_factory=Refused)
    struck: float = 0
    problems: list[str] = field(default_factory=list)

    @property
    def stall(self) -> float:
        """The longest time without an acknowledgement, seconds."""
        return max(self.entries.stall(self.struck), self.messages.stall(self.struck))


@asynccontextmanager
async def connected(deployment: Deployment) -> AsyncIterator[None]:
    """This process's own connection, as any of Atrium's."""
    database.connect(deployment.mongo.uri, DATABASE)
    try:
        yield
    finally:
        await database.close()


async def run(plan: Plan, directory: Path, announce: Announce) -> list[Round]:
    """Every strike with every seed, on one deployment of three nodes."""
    rounds = []
    announce("Starting three nodes, two servers and a worker")
    async with (
        deployed(directory, servers=2, workers=1, nodes=3, wired=True) as deployment,
        connected(deployment),
    ):
        await database.collection(Entry.collection).create_index("key", unique=True)
        person, other = [await deployment.worlds[0].person(name) for name in ("Writer", "Reader")]
        await organization(person, other)
        conversation = await person.start(other, title="Chaos")
        for world in deployment.worlds:
            world.http.timeout = REQUEST_SECONDS
        for seed in plan.seeds:
            for strike in plan.strikes:
                announce(f"{strike}, seed {seed}")
                one = Round(strike, seed)
                await _round(one, plan, deployment, sending(person, conversation, deployment.worlds, one.refused))
                rounds.append(one)
        if ended := deployment.ended():
            rounds[-1].problems += ended
    return rounds


async def _round(one: Round, plan: Plan, deployment: Deployment, send: Write) -> None:
    await until(deployment.mongo.whole, 60)
    stop = asyncio.Event()
    kinds = {"entry": (insert, one.entries), "message": (send, one.messages)}
    async with asyncio.TaskGroup() as group:
        for kind, (write, history) in kinds.items():
            for number in range(plan.writers):
                client = f"{one.strike}/{one.seed}/{kind}/{number}"
                group.create_task(keep_writing(client, write, history, chance(one.seed, client), stop))
        await asyncio.sleep(BEFORE_SECONDS + chance(one.seed, one.strike).random())
        await _strike(one, plan, deployment)
        await asyncio.sleep(BEFORE_SECONDS)
        stop.set()
    one.problems += await _problems(one, deployment)


async def _strike(one: Round, plan: Plan, deployment: Deployment) -> None:
    former, struck = await deployment.mongo.elected(), await deployment.primary()
    one.former, one.struck = former.process.name, time.monotonic()
    await STRIKES[one.strike].do(deployment, struck, former, plan.held)
    one.next = (await deployment.mongo.elected()).process.name


async def _problems(one: Round, deployment: Deployment) -> list[str]:
    """What was lost or is there twice: in the collections, and in the log."""
    mine = {"$regex": f"^{one.strike}/{one.seed}/"}
    entries = [row["key"] async for row in deployment.database[Entry.collection].find({"key": mine})]
    messages = [
        row["client_message_id"] async for row in deployment.database["messages"].find({"client_message_id": mine})
    ]
    found = one.entries.problems(entries) + one.messages.problems(messages)

    async def told() -> list[str]:
        query = {"t": ChaosEntryMade.type(), "d.key": mine}
        return [row["d"]["key"] async for row in deployment.database[log.LOG].find(query)]

    async def settled() -> bool:
        return len(await told()) >= len(entries)

    with suppress(AssertionError):  # what is missing is said below
        await until(settled, LOG_SECONDS)
    return found + [f"the log: {problem}" for problem in one.entries.problems(await told())]
