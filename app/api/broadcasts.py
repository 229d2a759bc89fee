"""Broadcasts: subscribers with the same results share one reading of their feed, and one execution of each event.

A subscriber stands at a position of the log. While it keeps up it is live: each event is executed once and offered to
all who are live. Whoever joins, or reads too slowly, catches up from the log by itself, up to where this process has
heard it; from there it is live, without a seam, for every later event has a later position.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, aclosing
from typing import Any

from app.api.frames import Next
from app.api.results import encode, payload
from app.api.runs import disclose
from app.api.wires import Gone
from app.core import changes
from app.core.actor import Actor
from app.core.changes import Change, Subscription
from app.core.feeds import Told
from app.core.words import language
from app.execution.engine import Engine, broken
from app.execution.operations import Operation
from app.schema.kit.context import Context
from app.schema.kit.feeds import Following

SLICE = 50
"""Subscribers who are sent an event before everything else has its turn: two thirds of a millisecond, which a request
that comes meanwhile waits a few times. With 250 the p95 of requests was 7.6 times its quiet value."""
READERS = 16
"""Subscribers who ask the database at the same time: a crowd that comes back leaves some of it to everybody else."""


class Subscriber:
    """Somebody who hears a broadcast. Subclasses say how they are reached."""

    __slots__ = ("_broadcast", "_catching_up", "actor", "position")

    def __init__(self, actor: Actor) -> None:
        self.actor, self.position = actor, 0
        self._broadcast: Broadcast | None = None
        self._catching_up: asyncio.Task[None] | None = None

    def offer(self, message: Next) -> bool:
        """Send it at once, or answer False."""
        raise NotImplementedError

    async def drained(self) -> None:
        """Wait until what is offered next will be sent. Raises Gone."""
        raise NotImplementedError

    def over(self, last: Next | None) -> None:
        """Nothing follows; `last` is the result that says why, if it should not be so."""
        raise NotImplementedError

    def cancel(self) -> None:
        """Hear no more; nothing is said about it."""
        if self._broadcast:
            self._broadcast.discard(self)


class Broadcasts:
    """Those of one door."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._running: dict[tuple[object, ...], Broadcast] = {}
        self._turns = asyncio.Semaphore(READERS)

    def figures(self) -> dict[str, float]:
        """For metrics."""
        running = list(self._running.values())
        return {"running": len(running), "subscribers": sum(len(one) for one in running)}

    def join(
        self,
        subscriber: Subscriber,
        following: Following,
        operation: Operation,
        variables: Mapping[str, Any] | None,
        context: Context,
    ) -> None:
        """Let a subscriber hear what it has asked for. `context` is its own."""
        assert operation.sharing
        actor = context.actor
        everybody = not operation.sharing.personal and actor.organization_id
        scope = Actor.somebody(everybody) if everybody else actor
        key = (operation, following.feed, scope, operation.sharing.values(variables), language.get())
        broadcast = self._running.get(key)
        if broadcast is None:
            reader = _Reader(self._engine, operation, variables, following, scope, context.request_id)
            broadcast = self._running[key] = Broadcast(reader, self._turns, lambda: self._running.pop(key, None))
        broadcast.add(subscriber, following.after)


class _Reader:
    """An operation and the feed that it follows, in the eyes of everybody in a scope."""

    def __init__(
        self,
        engine: Engine,
        operation: Operation,
        variables: Mapping[str, Any] | None,
        following: Following,
        scope: Actor,
        request_id: str,
    ) -> None:
        self.feed = following.feed
        self._engine, self._operation, self._variables = engine, operation, variables
        self._following, self._scope, self._request_id = following, scope, request_id

    def begin(self) -> Callable[[object], Awaitable[Next | None]]:
        """What makes the result of one event after another; None of those that the operation has no type for."""
        context = self._context()
        respond = self._engine.responder(self._operation, self._variables, context)

        async def read(heard: object) -> Next | None:
            kept: dict[Any, Any] = heard.shared if isinstance(heard, Told) else {}
            if self not in kept:
                self._following.turn(context, heard)
                shown = self._following.shows(heard)
                result = await respond(heard) if shown else None
                await disclose(context)
                kept[self] = None if result is None else Next(encode(payload(result, context)))
            found: Next | None = kept[self]
            return found

        return read

    def failure(self, error: Exception) -> Next:
        """The last result when the feed cannot be read on."""
        return Next(encode(payload(broken(error, self._operation.definition), self._context())))

    def _context(self) -> Context:
        return Context(self._scope, request_id=self._request_id, heard=changes.position())


class Broadcast:
    """One reading of a feed for all its subscribers. It begins with the first and ends with the last."""

    def __init__(self, reader: _Reader, turns: asyncio.Semaphore, ended: Callable[[], object]) -> None:
        self._reader, self._turns, self._ended = reader, turns, ended
        self._over = False
        self._subscribers: set[Subscriber] = set()
        self._live: dict[Subscriber, None] = {}
        # Its first step comes before that of any subscriber's task, and lets the hub know of it: from there on, what is
        # not in the log yet will come to those who are live.
        self._task = asyncio.create_task(self._run())

    def __len__(self) -> int:
        return len(self._subscribers)

    def add(self, subscriber: Subscriber, after: str | None) -> None:
        """Let somebody hear what comes after a cursor (None: after now)."""
        subscriber._broadcast = self
        self._subscribers.add(subscriber)
        subscriber._catching_up = asyncio.create_task(self._catch_up(subscriber, after, joins=True))

    def discard(self, subscriber: Subscriber) -> None:
        """Forget a subscriber, who gets nothing more from here on."""
        if subscriber not in self._subscribers:
            return
        self._live.pop(subscriber, None)
        self._subscribers.discard(subscriber)
        if subscriber._catching_up:
            subscriber._catching_up.cancel()
        if not self._subscribers and not self._over:
            self._end()
            self._task.cancel()

    async def _run(self) -> None:
        last = None
        try:
            read = self._reader.begin()
            feed = self._reader.feed
            async with changes.hub().follow(feed.streams) as log, aclosing(feed.told(log)) as events:
                async for heard in events:
                    await self._tell(heard, await read(heard))
        except Exception as error:
            last = self._reader.failure(error)
        self._end()
        for subscriber in list(self._subscribers):
            self._finish(subscriber, last)

    async def _tell(self, heard: object, message: Next | None) -> None:
        """Offer an event to all who are live, some at a time: a crowd does not keep everything else waiting."""
        feed, position = self._reader.feed, heard.change.position if isinstance(heard, Told) else None
        concerns = feed.deaf_to(heard) or feed.leaver(heard)
        for number, subscriber in enumerate(list(self._live), 1):
            if number % SLICE == 0:
                await asyncio.sleep(0)
            if subscriber not in self._live or (position is not None and position <= subscriber.position):
                continue
            deaf = concerns and feed.is_deaf(subscriber.actor, heard)
            if message is not None and not deaf and not subscriber.offer(message):
                self._fall_behind(subscriber)
                continue
            if position is not None:
                subscriber.position = position
            if concerns and feed.leaves(subscriber.actor, heard):
                self._fall_behind(subscriber)

    def _fall_behind(self, subscriber: Subscriber) -> None:
        """Go on from the log, if they are still admitted: they read too slowly, or an event may have taken them out."""
        del self._live[subscriber]
        subscriber._catching_up = asyncio.create_task(self._catch_up(subscriber))

    async def _catch_up(self, subscriber: Subscriber, after: str | None = None, *, joins: bool = False) -> None:
        """Let a subscriber be live, or over: from a cursor on when it joins, else from where it stands."""
        last = None
        try:
            await subscriber.drained()
            position = self._reader.feed.position(after) if joins else subscriber.position
            live = await self._bring(subscriber, position, joins=joins)
        except Gone:
            return  # whose socket tells so itself
        except Exception as error:
            live, last = False, self._reader.failure(error)
        subscriber._catching_up = None
        if not live:
            self._finish(subscriber, last)

    async def _bring(self, subscriber: Subscriber, position: int | None, *, joins: bool) -> bool:
        """Bring what is missing; whether the subscriber is live then, and not out of the feed."""
        feed, actor, read = self._reader.feed, subscriber.actor, None
        async with AsyncExitStack() as stack:
            async with self._turns:
                log = await stack.enter_async_context(changes.hub().follow(feed.streams, position))
                subscriber.position = log.position
                if joins:
                    await feed.admit(actor)  # who is taken out after this is heard of below, or while live
                elif not await feed.admits(actor):
                    return False
            while (change := await self._missed(log)) is not None:
                heard = feed.tell(change)
                if heard is not None:
                    read = read or self._reader.begin()
                    message = await read(heard)
                    if message is not None and not feed.is_deaf(actor, heard):
                        await subscriber.drained()
                        subscriber.offer(message)
                    if feed.leaves(actor, heard) and not await feed.admits(actor):
                        return False
                subscriber.position = change.position
            if log.ended:
                return False
            subscriber.position = log.position
            self._live[subscriber] = None
            return True

    async def _missed(self, log: Subscription) -> Change | None:
        async with self._turns:
            return await log.missed()

    def _finish(self, subscriber: Subscriber, last: Next | None) -> None:
        self.discard(subscriber)
        subscriber.over(last)

    def _end(self) -> None:
        """Let nobody join any more."""
        self._over = True
        self._ended()
