"""R37, R38: a crowd on one server. It comes and goes without a trace, waits, is told, and returns after a restart."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import psutil
from redis.asyncio import Redis
from websockets.exceptions import WebSocketException

from tests.chaos.conversations.clients import FOLLOW
from tests.faults.deployment import Deployment, deployed
from tests.faults.storms import chance
from tests.world import Person, organization, until

AT_ONCE = 25
"""Sockets that are opened at the same time."""
SETTLE_SECONDS = 30
"""Within which what is gone must be forgotten, however busy the machine."""
FILES = 5
"""Files, and channels of Valkey, by which a server may differ from what it was."""
JITTER_SECONDS = 10.0
"""Over which good clients spread their return."""
BACK_SECONDS = 240
START = "query Start($id: ID!) { conversation(id: $id) { cursor } }"

Announce = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """How many subscriptions are begun and ended on one socket, how many sockets come and go, how many stay."""

    subscriptions: int
    sockets: int
    crowd: int
    seed: int = 0


@dataclass
class Trace:
    """What the server holds; its own connections to MongoDB and Valkey come and go and are not among the files."""

    megabytes: float
    files: int
    channels: int

    def __str__(self) -> str:
        return f"{self.megabytes:.0f} MB, {self.files} files, {self.channels} channels"


@dataclass
class Outcome:
    before: Trace | None = None
    churned: Trace | None = None
    kilobytes: float = 0
    """Of the server's memory for each socket that stays."""
    idle: float = 0
    """The share of a core that the server takes while nothing happens."""
    delays: list[float] = field(default_factory=list)
    """Seconds until each of the crowd heard of one message."""
    back: float = 0
    """Seconds from the restart until everybody had heard the next."""
    problems: list[str] = field(default_factory=list)


@dataclass
class Member:
    """One of the crowd: a socket with one subscription, that resumes where it was."""

    person: Person
    conversation: str
    cursor: str
    heard: list[tuple[str, float]] = field(default_factory=list)
    listening: bool = False

    async def stay(self, random: Random) -> None:
        """Until cancelled."""
        while True:
            try:
                await self._listen()
            except (OSError, WebSocketException, TimeoutError, AssertionError):
                pass
            finally:
                self.listening = False
            await asyncio.sleep(random.uniform(0, JITTER_SECONDS))

    async def _listen(self) -> None:
        async with self.person.live() as live:
            await live.subscribe(FOLLOW, id=self.conversation, after=self.cursor)
            self.listening = True
            async for text in live.socket:
                frame = json.loads(text)
                if frame["type"] != "next":
                    continue
                event = frame["payload"]["data"]["conversationEvents"]
                self.cursor = event["cursor"] or self.cursor
                if event["__typename"] == "MessageSent":
                    self.heard.append((event["message"]["clientMessageId"], time.monotonic()))


async def run(plan: Plan, directory: Path, announce: Announce) -> Outcome:
    """Churn first, then the crowd."""
    outcome = Outcome()
    async with deployed(directory, servers=1, workers=1, environment={"ABSENCE_SECONDS": "86400"}) as deployment:
        person, other = [await deployment.worlds[0].person(name) for name in ("Many", "Speaker")]
        await organization(person, other)
        conversation = await other.start(person, title="Crowd")
        deployment.worlds[0].http.timeout = 60.0
        await _churn(plan, deployment, person, conversation, outcome, announce)
        await _crowd(plan, deployment, person, other, conversation, outcome, announce)
        outcome.problems += deployment.ended()
    return outcome


async def _trace(deployment: Deployment) -> Trace:
    process = psutil.Process(deployment.servers[0].pid)
    async with Redis.from_url(deployment.redis_url) as redis:
        channels = await redis.execute_command("PUBSUB", "CHANNELS")
    connections = process.net_connections("tcp4")
    outgoing = [one for one in connections if one.raddr and one.laddr.port != deployment.servers[0].port]
    return Trace(process.memory_info().rss / 1e6, process.num_fds() - len(outgoing), len(channels))


async def _churn(
    plan: Plan, deployment: Deployment, person: Person, conversation: str, outcome: Outcome, announce: Announce
) -> None:
    async def subscribe(times: int) -> None:
        async with person.live() as live:
            for number in range(times):
                id = await live.subscribe(FOLLOW, id=conversation)
                await live.socket.send(json.dumps({"id": id, "type": "complete"}))
                if number % 20 == 0:
                    await live.socket.send(json.dumps({"type": "ping"}))
                    while (await live.receive(60))["type"] != "pong":
                        pass

    async def drop(_: int) -> None:
        async with person.live() as live:
            await live.subscribe(FOLLOW, id=conversation)
            live.socket.transport.abort()

    await subscribe(20)
    await _each(drop, range(AT_ONCE))  # what is made once and kept is there from here on
    await asyncio.sleep(2)
    before = outcome.before = await _trace(deployment)
    announce(f"{plan.subscriptions} subscriptions begin and end; before: {before}")
    share = max(1, plan.subscriptions // AT_ONCE)
    await asyncio.gather(*(subscribe(share) for _ in range(AT_ONCE)))
    announce(f"{plan.sockets} sockets come and go")
    await _each(drop, range(plan.sockets))

    async def as_before() -> bool:
        now = outcome.churned = await _trace(deployment)
        return abs(now.files - before.files) <= FILES and abs(now.channels - before.channels) <= FILES

    try:
        await until(as_before, SETTLE_SECONDS)
    except AssertionError:
        outcome.problems.append(f"{before} became {outcome.churned} by churn")


async def _crowd(
    plan: Plan,
    deployment: Deployment,
    person: Person,
    speaker: Person,
    conversation: str,
    outcome: Outcome,
    announce: Announce,
) -> None:
    cursor = (await person.ask(START, id=conversation))["conversation"]["cursor"]
    members = [Member(person, conversation, cursor) for _ in range(plan.crowd)]
    announce(f"{plan.crowd} come and stay")
    before = await _trace(deployment)
    async with _staying(members, plan.seed):
        await until(_all(members, lambda member: member.listening), BACK_SECONDS)
        after = await _trace(deployment)
        outcome.kilobytes = (after.megabytes - before.megabytes) * 1000 / plan.crowd
        outcome.idle = psutil.Process(deployment.servers[0].pid).cpu_percent(interval=3) / 100
        announce("One message to all")
        said = time.monotonic()
        await speaker.send(conversation, "one", clientMessageId="one")
        await until(_all(members, lambda member: len(member.heard) >= 1), BACK_SECONDS)
        outcome.delays = sorted(member.heard[0][1] - said for member in members)
        announce("The server restarts")
        restarting = asyncio.create_task(deployment.servers[0].restart())
        await asyncio.sleep(0)
        begun = time.monotonic()
        await restarting
        await speaker.send(conversation, "two", clientMessageId="two")
        await until(_all(members, lambda member: len(member.heard) >= 2), BACK_SECONDS)
        outcome.back = time.monotonic() - begun
    wrong = sum([key for key, _ in member.heard] != ["one", "two"] for member in members)
    if wrong:
        outcome.problems.append(f"{wrong} of {plan.crowd} did not hear each message once")


@asynccontextmanager
async def _staying(members: Sequence[Member], seed: int) -> AsyncIterator[None]:
    """Let them in, some at a time."""
    tasks: list[asyncio.Task[None]] = []
    try:
        for start in range(0, len(members), AT_ONCE):
            some = members[start : start + AT_ONCE]
            tasks += [asyncio.create_task(member.stay(chance(seed, str(id(member))))) for member in some]
            await until(_all(some, lambda member: member.listening), 60)
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _all(members: Sequence[Member], holds: Callable[[Member], bool]) -> Callable[[], Awaitable[bool]]:
    async def answer() -> bool:
        return all(map(holds, members))

    return answer


async def _each(do: Callable[[int], Awaitable[None]], numbers: range) -> None:
    """Some at a time."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> None:
        async with gate:
            await do(number)

    await asyncio.gather(*map(one, numbers))
