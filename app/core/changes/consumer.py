"""Durable readers of the whole log: jobs, notifications, webhooks, search, analytics, audit."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal
from uuid import uuid4

import structlog

from app.core import signals
from app.core.changes import lease, log
from app.core.changes.log import CONSUMERS, HINT, PAGE, Change
from app.core.database import collection
from app.core.tasks import cancelled

POLL = 0.5
HANDLE = 30.0
"""Seconds that a handler may take for one page."""
GATHER = 0.025
"""Seconds between a page and the next look: under load, what comes meanwhile costs one read and one handling."""
_MAX_PAUSE = 30.0

_log = structlog.stdlib.get_logger(__name__)


class Consumer:
    """Hands the log to `handle` in order, page by page, in one process at a time, for ever; run it in every worker.

    At least once: after a crash the last page comes again, so what `handle` writes must be keyed by the change's id. A
    change that cannot be handled is tried again with growing pauses and loud logs, and holds up those behind it.
    """

    def __init__(
        self,
        name: str,
        handle: Callable[[Sequence[Change]], Awaitable[None]],
        *,
        start: Literal["oldest", "now"] = "oldest",
    ) -> None:
        """`start`: where a consumer that never ran before begins, at the oldest row of the log or after the newest."""
        self.name = name
        self._handle, self._start = handle, start
        self._me = uuid4().hex
        self._wake = asyncio.Event()

    async def run(self) -> None:
        """Read for ever; cancel it to hand over at once."""
        pause = POLL
        try:
            while not cancelled():
                try:
                    row = await lease.take(CONSUMERS, self.name, self._me)
                    if row is not None:
                        await lease.hold(CONSUMERS, self.name, self._me, self._read(row.get("position")), self._hear())
                    pause = POLL
                except Exception as error:
                    _log.warning("consumer_restarts", consumer=self.name, error=repr(error)[:500])
                    pause = min(pause * 2, lease.SECONDS)
                await asyncio.sleep(pause)
        finally:
            await lease.give_back(CONSUMERS, self.name, self._me)

    async def _hear(self) -> None:
        async with signals.subscribe(HINT) as hints:
            async for _ in hints:
                self._wake.set()

    async def _read(self, position: int | None) -> None:
        if position is None:
            position = await log.head() if self._start == "now" else 0
        floor = (await log.state()).floor
        if position < floor:  # trim() waits for consumers, so only one that never began can be so far behind
            _log.warning("consumer_skips", consumer=self.name, position=position, floor=floor)
        position = max(position, floor)
        await self._advance(position)
        limit, pause = PAGE, POLL
        while True:
            changes = await log.following(position, limit)
            if not changes:
                await self._rest(POLL)
                continue
            try:
                async with asyncio.timeout(HANDLE):
                    await self._handle(changes)
            except Exception:
                _log.exception("consumer_failed", consumer=self.name, position=changes[0].position)
                if limit == 1:
                    await asyncio.sleep(pause)
                    pause = min(pause * 2, _MAX_PAUSE)
                limit = 1  # one by one, so that all before the bad one get through and the log names it
                continue
            position, pause = changes[-1].position, POLL
            limit = min(limit * 2, PAGE)
            await self._advance(position)
            if len(changes) < PAGE:
                await asyncio.sleep(GATHER)

    async def _rest(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            pass
        self._wake.clear()

    async def _advance(self, position: int) -> None:
        await collection(CONSUMERS).update_one({"_id": self.name, "owner": self._me}, {"$max": {"position": position}})
