"""Caches of processes, each with a hub of its own that hears what a test lets it hear."""

import asyncio
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from bson import ObjectId

from app.core.actor import Actor
from app.core.answers import Answer, Answers, Policy, Question, Scope, anywhere, here
from app.core.changes import Change, Event, Hub
from app.core.clock import now


@dataclass(frozen=True, kw_only=True)
class LampSwitched(Event):
    """What the answers of these tests depend on, in an organization."""


@dataclass(frozen=True, kw_only=True)
class BulbInvented(Event):
    """What all of them depend on."""


@dataclass(frozen=True, kw_only=True)
class Irrelevant(Event):
    """What none of them depends on."""


TAGS = (*here(LampSwitched), *anywhere(BulbInvented))
ADA = Actor(ObjectId(), ObjectId(), permissions=frozenset({"read"}))
TTL = 60
_texts = itertools.count()


def policy(scope: Scope = Scope.ORGANIZATION, ttl: int = TTL) -> Policy:
    """Of an operation that nobody has sent yet."""
    return Policy(ttl, scope, frozenset(TAGS), (), b"text %d" % next(_texts), 100)


@dataclass
class Process:
    """One process's cache, and what it hears."""

    answers: Answers
    hub: Hub
    computed: int = 0
    delay: float = 0.0
    errors: tuple[str, ...] = ()
    value: Callable[[], str] = field(default=lambda: "an answer")

    def hear(self, event: Event) -> None:
        """The log has it, at the next position."""
        row = event.row()
        position, streams = self.hub.position + 1, row["s"]
        self.hub._advance([Change(position, event.id, event.type(), row["o"], streams, row["a"], row["d"], now())])

    async def ask(self, policy: Policy, actor: Actor = ADA, **variables: object) -> str:
        """The answer: found, brought by a flight, or computed as `value` is when that begins."""
        self.hub.current_at = time.monotonic()
        key = self.answers.key(policy, actor, variables)
        if key is None:
            return (await self.compute()).body.decode()
        found = self.answers.find(key)
        if found is None:
            found = await self.answers.obtain(Question(key, policy, policy.names(actor), self.compute))
        return found.body.decode()

    async def compute(self) -> Answer:
        self.computed += 1
        value = self.value()
        await asyncio.sleep(self.delay)
        return Answer(value.encode(), self.errors)

    def count(self, name: str) -> float:
        return self.answers.figures()[name]


def process(max_bytes: int = 1_000_000, release: bytes = b"release") -> Process:
    hub = Hub()
    hub.current_at = time.monotonic()
    answers = Answers(max_bytes, release)
    answers.watch(hub)
    return Process(answers, hub)
