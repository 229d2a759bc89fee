"""The hub: one tail of the log in each process, shared by all its subscriptions and listeners."""

import asyncio
import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Collection, Iterable

import structlog
from bson import ObjectId
from pymongo.errors import PyMongoError

from app.core import signals
from app.core.changes import cursors, log
from app.core.changes.events import Event
from app.core.changes.log import HINT, PAGE, Change
from app.core.changes.subscription import Subscription
from app.core.clock import source
from app.core.metrics import HUB_DELAY
from app.core.tasks import cancelled, end, rest

POLL = 0.5
"""Seconds between two looks at the log when no hint arrives."""
CHECK = 2.0
"""Seconds between two looks at epoch and floor."""
FRESH = 5.0
"""Seconds for which hearers of a change share what one of them has loaded for it."""
RECENT = 1_000
"""Changes that are kept for that."""

Listener = Callable[[Change], None]

_log = structlog.stdlib.get_logger(__name__)
_hub: "Hub | None" = None


async def start_hub() -> "Hub":
    """Start this process's hub, or answer the one that runs."""
    global _hub
    if _hub is None:
        hub = Hub()
        await hub.start()
        _hub = hub
    return _hub


def hub() -> "Hub":
    """This process's hub. Raises RuntimeError before `start_hub`."""
    if _hub is None:
        raise RuntimeError("start_hub() comes first")
    return _hub


def position() -> int:
    """How far this process has heard the log: 0 before `start_hub`."""
    return _hub.position if _hub else 0


async def stop_hub() -> None:
    global _hub
    running, _hub = _hub, None
    if running is not None:
        await running.stop()


class Hub:
    def __init__(self) -> None:
        self.position = 0
        """The position up to which this process has heard everything."""
        self.epoch = 0
        self.current_at = 0.0
        """When this process last knew the whole log, by the monotonic clock; longer ago when it falls behind."""
        self.resyncs = 0
        """How many subscriptions had to be broken, for metrics."""
        self._subscriptions: dict[str, set[Subscription]] = defaultdict(set)
        self._listeners: dict[str, list[Listener]] = defaultdict(list)
        self._gap_listeners: list[Callable[[], None]] = []
        self._waiters: dict[ObjectId, list[asyncio.Future[int]]] = defaultdict(list)
        self._moved = asyncio.Event()
        self._wake = asyncio.Event()
        self._recent: OrderedDict[int, tuple[float, Change]] = OrderedDict()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        self.epoch = (await log.state()).epoch
        self.current_at = time.monotonic()
        self.position = await log.head()
        self._tasks = [asyncio.create_task(self._tail()), asyncio.create_task(self._hear())]

    async def stop(self) -> None:
        """End the tail; every subscription ends as if its feed were over."""
        await end(*self._tasks)
        for subscription in self._all():
            subscription.end()

    def figures(self) -> dict[str, float]:
        """For metrics. `resyncs` are subscriptions that had to be broken."""
        return {
            "position": self.position,
            "epoch": self.epoch,
            "subscriptions": len(set().union(*list(self._subscriptions.values()))),
            "resyncs": self.resyncs,
        }

    def follow(self, streams: Iterable[str], after: int | None = None) -> Subscription:
        """The changes of any of the streams beyond a position (None: the present), each once, in order, for ever.

        Use it as `async with hub.follow(...) as changes: async for change in changes`. It is registered as soon as the
        context is entered; what happens from then on is in it. Raises ResyncRequired, on entering or while it runs,
        when the log does not reach back to where the subscription stands.
        """
        return Subscription(self, frozenset(streams), after)

    def on(self, event: type[Event], listener: Listener) -> None:
        """Call a function for every change of this type from now on, before any subscription sees it."""
        self._listeners[event.type()].append(listener)

    def on_gap(self, listener: Callable[[], None]) -> None:
        """Call a function when anything may have happened unheard: what was kept because of `on` must be dropped."""
        self._gap_listeners.append(listener)

    def cursor(self, position: int, feed: Iterable[str]) -> str:
        """What a client holds of a position in a feed."""
        return cursors.seal(self.epoch, position, feed)

    def read_cursor(self, cursor: str, feed: Iterable[str]) -> int:
        """The position. Raises BadCursor or ResyncRequired."""
        return cursors.unseal(cursor, self.epoch, feed)

    async def settled(self, events: Collection[ObjectId], timeout: float) -> int | None:  # noqa: ASYNC109
        """Wait until this process has heard of these events; answers the last one's position.

        None when it has not after `timeout` seconds; with no events, the position that it has heard.
        """
        heard = {event: asyncio.get_running_loop().create_future() for event in events}
        for event, future in heard.items():
            self._waiters[event].append(future)
        try:
            async with asyncio.timeout(timeout):
                if heard:  # read after registering, or one could pass between the two
                    for change in await log.read({"e": {"$in": list(heard)}}, len(heard)):
                        if change.position <= self.position and not heard[change.id].done():
                            heard[change.id].set_result(change.position)
                return max(await asyncio.gather(*heard.values()), default=self.position)
        except (TimeoutError, PyMongoError):
            return None
        finally:
            for event, future in heard.items():
                self._waiters[event].remove(future)
                if not self._waiters[event]:
                    del self._waiters[event]

    async def reached(self, position: int, timeout: float) -> bool:  # noqa: ASYNC109 - part of the meaning
        """Whether this process has heard everything up to a position, after `timeout` seconds at the latest."""
        try:
            async with asyncio.timeout(timeout):
                while self.position < position:
                    self._moved.clear()
                    self._wake.set()
                    await self._moved.wait()
        except TimeoutError:
            return False
        return True

    def add(self, subscription: Subscription) -> None:
        for stream in subscription.streams:
            self._subscriptions[stream].add(subscription)

    def discard(self, subscription: Subscription) -> None:
        for stream in subscription.streams:
            self._subscriptions[stream].discard(subscription)
            if not self._subscriptions[stream]:
                del self._subscriptions[stream]

    def same(self, change: Change) -> Change:
        """The object that stands for this change while it is new here, so that its hearers share what they load for it.

        A crowd that comes back reads the same stretch of the log at the same time.
        """
        moment, position = time.monotonic(), change.position
        since, known = self._recent.get(position, (0.0, change))
        if moment < since + FRESH:
            return known
        self._recent[position] = moment, change
        self._recent.move_to_end(position)
        if len(self._recent) > RECENT:
            self._recent.popitem(last=False)
        return change

    def _all(self) -> set[Subscription]:
        return {subscription for group in self._subscriptions.values() for subscription in group}

    async def _tail(self) -> None:
        checked, faults = 0.0, 0
        while not cancelled():
            count = 0
            try:
                if time.monotonic() > checked + CHECK:
                    await self._check()
                    checked = time.monotonic()
                asked = time.monotonic()
                changes = await log.following(self.position)
                if changes:
                    HUB_DELAY.observe(max(0.0, source() - changes[0].at.timestamp()))
                self._advance(changes)
                count, faults = len(changes), 0
                if count < PAGE:
                    self.current_at = asked
            except Exception as error:  # nothing may end the tail
                faults += 1
                _log.warning("tail_interrupted", error=repr(error)[:500], times=faults)
            if count == PAGE or cancelled():
                await asyncio.sleep(0)
                continue
            await rest(POLL, self._wake)

    async def _hear(self) -> None:
        async with signals.subscribe(HINT) as hints:
            async for position in hints:
                if isinstance(position, int) and position > self.position:
                    self._wake.set()

    async def _check(self) -> None:
        """Whether positions still mean what they meant; if not, everybody starts over."""
        state = await log.state()
        if state.epoch == self.epoch and state.floor <= self.position:
            return
        _log.error("log_broken", epoch=state.epoch, floor=state.floor, position=self.position)
        self.epoch, self.position = state.epoch, max(self.position, state.floor)
        self._recent.clear()
        broken = self._all()
        self.resyncs += len(broken)
        for subscription in broken:
            subscription.break_off()
        for listener in self._gap_listeners:
            self._call(listener)

    def _advance(self, changes: Iterable[Change]) -> None:
        for change in map(self.same, changes):
            self.position = change.position
            for listener in self._listeners.get(change.type, ()):
                self._call(listener, change)
            for subscription in {s for stream in change.streams for s in self._subscriptions.get(stream, ())}:
                subscription.push(change)
            for heard in self._waiters.get(change.id, ()):
                if not heard.done():
                    heard.set_result(change.position)
        self._moved.set()

    def _call(self, listener: Callable[..., None], *arguments: Change) -> None:
        try:
            listener(*arguments)
        except Exception:
            _log.exception("listener_failed")
