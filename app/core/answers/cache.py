"""The cache of one process: finds answers, has each computed once at a time, and computes anew what is asked for often.

A flight is one computation, whoever waits for it. It is a task of its own, so that nobody who leaves takes it from the
others; when all have left it is cancelled. A change that makes its answer old takes the flight out of the books: those
who asked before get what it brings, nobody else does, and it is not kept.
"""

import asyncio
import random
import time
from collections.abc import Collection, Mapping
from contextlib import ExitStack
from typing import Any

import structlog

from app.core import changes, clock
from app.core.actor import Actor
from app.core.answers.answer import Answer, Question
from app.core.answers.memory import Kept, Memory
from app.core.answers.policies import Policy, names, tagged
from app.core.answers.pool import Pool
from app.core.answers.versions import Versions
from app.core.changes import Change, Event, Hub
from app.core.tasks import end

TOTALS = ("hits", "shared_hits", "joined", "misses", "stale", "dropped", "warmed", "evicted")
"""Of `figures`, those that only ever grow: answers given from memory and of other processes, waits for a flight under
way, computations, answers of others that were too old, answers that a change made old, answers computed for nobody,
answers that there was no room for."""
BEHIND = 2.0
"""Seconds after which a process that has not seen the end of the log keeps nothing."""
HOT = 5
"""How often an answer has been given when it is worth to be computed anew before anybody asks."""
WARMING, WAITING = 4, 64
"""Answers that are computed anew for nobody: at once, and those that may wait for their turn as well."""
SPREAD = 0.1
"""Seconds within which processes begin with it, so that one is first, and a burst of changes costs one computation."""
EARLY = (0.7, 0.9)
"""The part of its time after which a hot answer is computed anew: drawn, so that processes do not do it all at once."""

_log = structlog.stdlib.get_logger(__name__)


class _Flight:
    __slots__ = ("outdated", "question", "task", "waiting")

    def __init__(self, question: Question) -> None:
        self.question = question
        self.task: asyncio.Task[Answer]
        self.waiting, self.outdated = 0, False


class Answers:
    """At most `max_bytes` of answers in memory, and as many in Redis. `release` keeps those of other code apart."""

    def __init__(self, max_bytes: int, release: bytes = b"") -> None:
        self._max_bytes, self._release = max_bytes, release
        self._memory, self._pool, self._versions = Memory(max_bytes), Pool(max_bytes), Versions()
        self._hub: Hub | None = None
        self._flights: dict[bytes, _Flight] = {}
        self._warming: dict[bytes, asyncio.Task[None]] = {}
        self._turns = asyncio.Semaphore(WARMING)
        self._listening = ExitStack()
        self._counts = dict.fromkeys(TOTALS, 0)

    def watch(self, hub: Hub) -> None:
        """Keep answers from now on, as this hub hears what makes them old; nothing is kept before."""
        if not self._max_bytes:
            return
        self._versions.begin(hub.position)
        for event in tagged().values():
            hub.on(event, self._heard)
        hub.on_gap(self._forget_all)
        self._listening.enter_context(changes.listening(self._told))
        self._hub = hub

    async def close(self) -> None:
        """Keep nothing any more."""
        self._hub = None
        self._listening.close()
        await end(*self._warming.values(), *(flight.task for flight in self._flights.values()))
        self._forget_all()

    def figures(self) -> dict[str, float]:
        """For metrics; those in TOTALS only ever grow."""
        sizes = {"entries": len(self._memory), "bytes": self._memory.bytes, "shared_bytes": self._pool.bytes}
        return {**self._counts, "evicted": self._memory.evicted, **sizes}

    def key(self, policy: Policy, actor: Actor, variables: Mapping[str, Any] | None) -> bytes | None:
        """By what the asker's answer is kept; None when it is not, or is not theirs to have."""
        if self._hub is None:
            return None
        if time.monotonic() > self._hub.current_at + BEHIND:
            self._forget_all()
            return None
        return policy.key(self._release, actor, variables)

    def find(self, key: bytes) -> Answer | None:
        """The answer, if this process has it."""
        now = clock.source()
        kept = self._memory.get(key, now)
        if kept is None:
            return None
        self._counts["hits"] += 1
        kept.hits += 1
        if kept.hits >= HOT and now >= kept.early:
            kept.early = float("inf")
            self._warm(kept)
        return kept.answer

    async def obtain(self, question: Question) -> Answer:
        """The answer: of another process, of the flight that is under way, or computed now. Raises what that raises."""
        flight = self._flights.get(question.key)
        if flight is None:
            flight = self._begin(question)
        else:
            self._counts["joined"] += 1
        return await self._brought(flight)

    async def _brought(self, flight: _Flight) -> Answer:
        flight.waiting += 1
        try:
            return await asyncio.shield(flight.task)
        finally:
            flight.waiting -= 1
            if not flight.waiting and not flight.task.done():
                self._strike(flight)
                flight.task.cancel()

    def _begin(self, question: Question, *, anew: bool = False) -> _Flight:
        """Start a flight; `anew`: also where another process has an answer."""
        flight = self._flights[question.key] = _Flight(question)
        flight.task = asyncio.create_task(self._fly(flight, anew))
        flight.task.add_done_callback(lambda _: self._land(flight))
        return flight

    def _land(self, flight: _Flight) -> None:
        self._strike(flight)
        if not flight.task.cancelled():
            flight.task.exception()  # whoever waited has been told

    def _strike(self, flight: _Flight) -> None:
        """Take a flight out of the books: who asks from now on gets another."""
        flight.outdated = True
        if self._flights.get(flight.question.key) is flight:
            del self._flights[flight.question.key]

    async def _fly(self, flight: _Flight, anew: bool) -> Answer:
        question, hub = flight.question, self._hub
        if hub is None:
            return await question.compute()
        if not anew and (found := await self._pool.get(question.key)):
            if found.epoch == hub.epoch and self._versions.hold(question.names, found.position, clock.source()):
                self._counts["shared_hits"] += 1
                self._keep(question, found)
                return found
            self._counts["stale"] += 1
        self._counts["misses"] += 1
        epoch, position, begun = hub.epoch, hub.position, clock.source()
        answer = await question.compute()
        if answer.keep and not answer.errors and not flight.outdated:
            answer.made, answer.ttl, answer.epoch, answer.position = begun, question.policy.ttl, epoch, position
            self._keep(question, answer)
            self._pool.put(question.key, answer, clock.source())
        return answer

    def _keep(self, question: Question, answer: Answer) -> None:
        early = answer.made + answer.ttl * random.uniform(*EARLY)  # noqa: S311 - jitter
        self._memory.put(Kept(question, answer, early))

    def _warm(self, kept: Kept) -> None:
        """Compute an answer anew in the background, unless too many wait for that already."""
        key = kept.question.key
        if key not in self._warming and len(self._warming) < WARMING + WAITING:
            task = self._warming[key] = asyncio.create_task(self._renew(kept))
            task.add_done_callback(lambda _: self._warming.pop(key, None))

    async def _renew(self, kept: Kept) -> None:
        key = kept.question.key
        await asyncio.sleep(random.uniform(0, SPREAD))  # noqa: S311 - jitter
        async with self._turns:
            if not await self._pool.claim(key):
                return
            present = self._memory.get(key, clock.source())
            if key in self._flights or present not in (None, kept):
                return  # somebody asked meanwhile
            try:
                await self._brought(self._begin(kept.question, anew=True))
                self._counts["warmed"] += 1
            except Exception as error:  # nobody waits for it; whoever asks is told
                _log.info("answer_not_renewed", error=repr(error)[:300])

    def _heard(self, change: Change) -> None:
        touched = names(change.type, change.streams)
        self._versions.changed(touched, change.id, change.position)
        self._drop(touched)

    def _told(self, event: Event) -> None:
        """Whoever writes at this process reads their own write at it, also before the log has it."""
        if (type := event.type()) in tagged():
            touched = names(type, event.row()["s"])
            self._versions.told(touched, event.id, clock.source())
            self._drop(touched)

    def _drop(self, touched: Collection[str]) -> None:
        dropped = self._memory.drop(touched)
        self._counts["dropped"] += len(dropped)
        for flight in list(self._flights.values()):
            if not flight.question.names.isdisjoint(touched):
                self._strike(flight)
        for kept in dropped:
            if kept.hits >= HOT:
                self._warm(kept)

    def _forget_all(self) -> None:
        """Anything may have happened: keep nothing of what is there or under way."""
        self._memory.clear()
        for flight in list(self._flights.values()):
            self._strike(flight)
        if self._hub:
            self._versions.begin(self._hub.position)
