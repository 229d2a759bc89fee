"""Durable readers of the whole log: jobs, notifications, webhooks, search, analytics, audit."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Literal

import structlog
from pymongo.errors import PyMongoError

from app.core import leases, signals
from app.core.changes import log
from app.core.changes.log import CONSUMERS, HINT, PAGE, Change
from app.core.clock import source
from app.core.database import Document, collection
from app.core.logs import redact
from app.core.metrics import CONSUMER_DELAY, CONSUMER_POSITION
from app.core.tasks import rest

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
        begin: Callable[[Document, int], Awaitable[None]] | None = None,
        gather: float = GATHER,
    ) -> None:
        """`start`: where a consumer that never ran before begins, at the oldest row of the log or after the newest.

        `begin` is called whenever this process begins to read, with the condition that holds for the consumer's row
        while it does, and the position after which it reads.
        """
        self.name, self._gather = name, gather
        self._handle, self._start, self._begin = handle, start, begin
        self._me = leases.new_owner()
        self._mine: Document = {"_id": name, "owner": self._me}
        self._wake = asyncio.Event()

    async def run(self) -> None:
        """Read whenever no other process does, for ever; cancel it to hand over at once."""
        await leases.lead(
            CONSUMERS, self.name, self._me, self._follow, self._failed, pause=POLL, longest=leases.SECONDS
        )

    async def _follow(self, row: Document) -> None:
        try:
            await leases.hold(CONSUMERS, self.name, self._me, self._read(row.get("position")), self._hear())
        finally:
            CONSUMER_DELAY.labels(self.name).set(0)

    async def _failed(self, error: Exception) -> None:
        _log.warning("consumer_restarts", consumer=self.name, error=repr(error)[:500])
        await self._note(error)

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
        if self._begin:
            await self._begin(self._mine, position)
        limit, pause = PAGE, POLL
        while True:
            changes = await log.following(position, limit)
            CONSUMER_POSITION.labels(self.name).set(position)
            CONSUMER_DELAY.labels(self.name).set(max(0.0, source() - changes[0].at.timestamp()) if changes else 0)
            if not changes:
                await rest(POLL, self._wake)
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

    async def _advance(self, position: int) -> bool:
        """Whether it is still this one's turn to read."""
        result = await collection(CONSUMERS).update_one(self._mine, {"$max": {"position": position}})
        return result.matched_count == 1

    async def _note(self, error: Exception, position: int | None = None) -> None:
        """Keep a failure where people look; one that cannot be kept is in the logs."""
        noted = {"error": redact(repr(error))[:500], "error_position": position}
        with suppress(PyMongoError):
            await collection(CONSUMERS).update_one(
                {"_id": self.name}, {"$set": noted, "$currentDate": {"error_at": True}, "$inc": {"restarts": 1}}
            )
