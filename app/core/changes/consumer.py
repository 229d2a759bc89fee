"""Durable readers of the whole log: jobs, notifications, webhooks, search, analytics, audit."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Literal

import structlog
from pymongo.errors import PyMongoError

from app.core import signals
from app.core.changes import lease, log
from app.core.changes.log import CONSUMERS, HINT, PAGE, Change
from app.core.clock import source
from app.core.database import collection
from app.core.logs import redact
from app.core.metrics import CONSUMER_DELAY, CONSUMER_POSITION
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
    change that cannot be handled is tried again with growing pauses and loud logs, and holds up those behind it. What
    `operations` shows of it, and pauses and resumes, is its row in the collection of consumers.
    """

    def __init__(
        self,
        name: str,
        handle: Callable[[Sequence[Change]], Awaitable[None]],
        *,
        start: Literal["oldest", "now"] = "oldest",
        gather: float = GATHER,
    ) -> None:
        """`start`: where a consumer that never ran before begins, at the oldest row of the log or after the newest."""
        self.name, self._gather = name, gather
        self._handle, self._start = handle, start
        self._me = lease.new_owner()
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
                    await self._note(error)
                    pause = min(pause * 2, lease.SECONDS)
                CONSUMER_DELAY.labels(self.name).set(0)
                await asyncio.sleep(pause)
        finally:
            await lease.give_back(CONSUMERS, self.name, self._me)

    async def _hear(self) -> None:
        async with signals.subscribe(HINT) as hints:
            async for _ in hints:
                self._wake.set()

    async def _read(self, position: int | None) -> None:
        floor = (await log.state()).floor
        if position is None:
            position = await log.head() if self._start == "now" else floor
        if position < floor:  # trim() waits for consumers, but not for ever for one that was paused
            raise RuntimeError(f"positions {position + 1} to {floor} were trimmed unread: resume it with skip to go on")
        await self._advance(position)
        limit, pause = PAGE, POLL
        while True:
            changes = await log.following(position, limit)
            CONSUMER_POSITION.labels(self.name).set(position)
            CONSUMER_DELAY.labels(self.name).set(max(0.0, source() - changes[0].at.timestamp()) if changes else 0)
            if not changes:
                await self._rest(POLL)
                continue
            try:
                async with asyncio.timeout(HANDLE):
                    await self._handle(changes)
            except Exception as error:
                _log.exception("consumer_failed", consumer=self.name, position=changes[0].position)
                await self._note(error, changes[0].position)
                if limit == 1:
                    await asyncio.sleep(pause)
                    pause = min(pause * 2, _MAX_PAUSE)
                limit = 1  # one by one, so that all before the bad one get through and the log names it
                continue
            position, pause = changes[-1].position, POLL
            limit = min(limit * 2, PAGE)
            if not await self._advance(position):
                return
            if len(changes) < PAGE:
                await asyncio.sleep(self._gather)

    async def _rest(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            pass
        self._wake.clear()

    async def _advance(self, position: int) -> bool:
        """Whether it is still this one's turn to read."""
        mine = {"_id": self.name, "owner": self._me}
        result = await collection(CONSUMERS).update_one(mine, {"$max": {"position": position}})
        return result.matched_count == 1

    async def _note(self, error: Exception, position: int | None = None) -> None:
        """Keep a failure where people look; one that cannot be kept is in the logs."""
        noted = {"error": redact(repr(error))[:500], "error_position": position}
        with suppress(PyMongoError):
            await collection(CONSUMERS).update_one(
                {"_id": self.name}, {"$set": noted, "$currentDate": {"error_at": True}, "$inc": {"restarts": 1}}
            )
