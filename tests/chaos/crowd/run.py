"""R37, R38: a crowd on one server. It comes and goes without a trace, waits, is told, and returns after a restart."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
from redis.asyncio import Redis

from app.core.files import allow_files
from tests.chaos.crowd import asking as asker
from tests.chaos.crowd.clients import Member, Passer
from tests.faults.deployment import Deployment, deployed
from tests.faults.ports import quiet_port
from tests.faults.storms import chance
from tests.world import Person, organization, until

AT_ONCE = 50
"""Sockets that are opened at the same time."""
TOGETHER = 10
"""Subscriptions that one socket has at the same time."""
SETTLE_SECONDS = 30
"""Within which what is gone must be forgotten, however busy the machine."""
FILES = 5
"""Files, channels of Valkey and things held, by which a server may have more than it had."""
GROWTH_MEGABYTES = 1.0
"""By which 5,000 subscriptions, or sockets, may leave the server larger, once it is warm."""
BACK_SECONDS = 240
MESSAGES = 20
"""That the whole crowd is told in one go."""
START = "query Start($id: ID!) { conversation(id: $id) { cursor } }"

Announce = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """How many subscriptions are begun and ended, how many sockets come and go, how many stay."""

    subscriptions: int
    sockets: int
    crowd: int
    seed: int = 0
    rest: float = 10.0
    """Seconds to watch it doing nothing: longer than presence keeps who has left, or memory says little."""
    jitter: float = 10.0
    """Seconds over which good clients spread their return; each time that it fails they take twice as long."""


@dataclass
class Trace:
    """What the server holds; its own connections to MongoDB and Valkey come and go and are not among the files."""

    megabytes: float
    files: int
    channels: int
    held: float
    """Sockets, broadcasts, their subscribers, and subscriptions to the log."""

    def __str__(self) -> str:
        return f"{self.megabytes:.0f} MB, {self.files} files, {self.channels} channels, {self.held:.0f} held"


@dataclass
class Outcome:
    before: Trace | None = None
    churned: Trace | None = None
    subscriptions: float = 0
    sockets: float = 0
    """Megabytes by which the server grew for 5,000 subscriptions, and for 5,000 sockets."""
    kilobytes: float = 0
    """Of the server's memory for each socket that stays."""
    idle: float = 0
    """The share of a core that the server takes while nothing happens."""
    delays: list[float] = field(default_factory=list)
    """Seconds until each of the crowd heard of one message."""
    delivery: float = 0
    """Microseconds of the server's processor time for one delivery, the sending of the message in it."""
    quiet: float = 0
    burst: float = 0
    herd: float = 0
    """Seconds within which 95 of 100 requests of others were answered: before, while many messages were delivered to
    all, and while all came back."""
    back: float = 0
    """Seconds from the restart until everybody had heard the next."""
    problems: list[str] = field(default_factory=list)


async def run(plan: Plan, directory: Path, announce: Announce) -> Outcome:
    """Churn first, then the crowd."""
    outcome = Outcome()
    allow_files()
    environment = {"ABSENCE_SECONDS": "86400", "METRICS_PORT": str(quiet_port())}
    async with deployed(directory, servers=1, environment=environment) as deployment:
        worker = await deployment.start("worker-0", "-m", "app.cli", "worker", METRICS_PORT="0")
        await worker.says("worker.works")
        deployment.worlds[0].http.timeout = 60.0
        person, other = [await deployment.worlds[0].person(name) for name in ("Many", "Speaker")]
        await organization(person, other)
        conversation = await other.start(person, title="Crowd")
        bench = Bench(deployment, person, other, conversation, outcome, announce)
        await bench.churn(plan)
        await bench.crowd(plan)
        outcome.problems += deployment.ended()
    return outcome


@dataclass
class Bench:
    deployment: Deployment
    person: Person
    speaker: Person
    conversation: str
    outcome: Outcome
    announce: Announce

    async def churn(self, plan: Plan) -> None:
        outcome = self.outcome
        await self._subscribe(plan.subscriptions)  # what is made once and kept is there from here on
        await self._drop(plan.sockets)
        await asyncio.sleep(plan.rest)
        before = outcome.before = await self._trace()
        self.announce(f"{plan.subscriptions} subscriptions begin and end; before: {before}")
        await self._subscribe(plan.subscriptions)
        await asyncio.sleep(plan.rest)
        between = await self._settled(before)
        self.announce(f"{plan.sockets} sockets come and go")
        await self._drop(plan.sockets)
        await asyncio.sleep(plan.rest)
        after = outcome.churned = await self._settled(before)
        outcome.subscriptions = (between.megabytes - before.megabytes) * 5_000 / plan.subscriptions
        outcome.sockets = (after.megabytes - between.megabytes) * 5_000 / plan.sockets
        if not self._no_more(before, after):
            outcome.problems.append(f"{before} became {after} by churn")
        for what, growth in (("subscriptions", outcome.subscriptions), ("sockets", outcome.sockets)):
            if growth > GROWTH_MEGABYTES and plan.sockets >= 5_000:
                outcome.problems.append(f"5,000 {what} left the server {growth:.1f} MB larger")

    async def crowd(self, plan: Plan) -> None:
        outcome = self.outcome
        cursor = (await self.person.ask(START, id=self.conversation))["conversation"]["cursor"]
        members = [Member(self.person, self.conversation, cursor, plan.jitter) for _ in range(plan.crowd)]
        outcome.quiet = await self._asking(asyncio.sleep(5))
        self.announce(f"{plan.crowd} come and stay")
        before = await self._trace()
        async with _staying(members, plan.seed):
            await until(_all(members, lambda member: member.listening), BACK_SECONDS)
            after = await self._trace()
            outcome.kilobytes = (after.megabytes - before.megabytes) * 1000 / plan.crowd
            outcome.idle = await asyncio.to_thread(self._server().cpu_percent, plan.rest) / 100
            self.announce(f"{after}. One message to all")
            said = time.monotonic()
            await self._say("first")
            await until(_all(members, lambda member: len(member.heard) == 1), BACK_SECONDS)
            outcome.delays = sorted(member.heard[0][1] - said for member in members)
            self.announce(f"{MESSAGES} messages to all")
            used = sum(self._server().cpu_times()[:2])
            outcome.burst = await self._asking(self._say_many(members))
            used = sum(self._server().cpu_times()[:2]) - used
            outcome.delivery = used * 1e6 / plan.crowd / MESSAGES
            self.announce("The server restarts")
            restarting = asyncio.create_task(self.deployment.servers[0].restart())
            await asyncio.sleep(0)
            begun = time.monotonic()
            await restarting
            outcome.herd = await self._asking(self._last(members))
            outcome.back = time.monotonic() - begun
        expected = ["first", *map(str, range(MESSAGES)), "last"]
        wrong = sum([key for key, _ in member.heard] != expected for member in members)
        if wrong:
            outcome.problems.append(f"{wrong} of {plan.crowd} did not hear each message once")

    async def _say(self, text: str) -> None:
        await self.speaker.send(self.conversation, text, clientMessageId=text)

    async def _say_many(self, members: Sequence[Member]) -> None:
        for number in range(MESSAGES):
            await self._say(f"{number}")
        await until(_all(members, lambda member: len(member.heard) == MESSAGES + 1), BACK_SECONDS)

    async def _last(self, members: Sequence[Member]) -> None:
        await self._say("last")
        await until(_all(members, lambda member: len(member.heard) == MESSAGES + 2), BACK_SECONDS)

    async def _asking(self, work: Awaitable[None]) -> float:
        """Ask for something small over HTTP while the work is done; within how many seconds 95 of 100 were answered."""
        asking = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", asker.__name__, self.person.world.graphql, self.person.token),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        await work
        answers, _ = await asking.communicate(b"")
        delays = sorted(json.loads(answers))
        return float(delays[int(len(delays) * 0.95)])

    async def _subscribe(self, number: int) -> None:
        async def some(_: int) -> None:
            passer = Passer(self.person, self.conversation)
            await passer.come()
            for _ in range(max(1, number // AT_ONCE // TOGETHER)):
                ids = [passer.begin() for _ in range(TOGETHER)]
                await passer.rest()
                for id in ids:
                    passer.end(id)
                await passer.rest()
            passer.leave()

        await _each(some, range(AT_ONCE))

    async def _drop(self, number: int) -> None:
        async def one(_: int) -> None:
            passer = Passer(self.person, self.conversation)
            await passer.come()
            passer.begin()
            await passer.rest()
            passer.leave()

        await _each(one, range(number))

    def _server(self) -> psutil.Process:
        return psutil.Process(self.deployment.servers[0].pid)

    async def _trace(self) -> Trace:
        process, port = self._server(), self.deployment.servers[0].port
        async with Redis.from_url(self.deployment.redis_url) as redis:
            channels = await redis.execute_command("PUBSUB", "CHANNELS")
        outgoing = [one for one in process.net_connections("tcp4") if one.raddr and one.laddr.port != port]
        files = process.num_fds() - len(outgoing)
        return Trace(process.memory_info().rss / 1e6, files, len(channels), await self._held())

    async def _held(self) -> float:
        async with httpx.AsyncClient() as http:
            text = (await http.get(f"http://127.0.0.1:{self.deployment.environment['METRICS_PORT']}/metrics")).text
        names = ("sockets_open", "broadcasts_running", "broadcasts_subscribers", "hub_subscriptions")
        lines = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
        return sum(float(value) for name, value in lines if name.removeprefix("atrium_") in names)

    def _no_more(self, before: Trace, now: Trace) -> bool:
        pairs = ((before.files, now.files), (before.channels, now.channels), (before.held, now.held))
        return all(other - one <= FILES for one, other in pairs)

    async def _settled(self, before: Trace) -> Trace:
        """What the server holds when it has forgotten what is gone, or has had the time to."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while not self._no_more(before, now := await self._trace()) and time.monotonic() < deadline:
            await asyncio.sleep(0.2)
        return now


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
