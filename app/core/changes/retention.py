"""Retention: how long the log is kept, and whom it waits for."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

import structlog
from bson import ObjectId

from app.core import database
from app.core.changes.log import CONSUMERS, LOG, MARGIN, SEQUENCER, Change, following, position_at
from app.core.changes.scope import OUTBOX
from app.core.clock import now

KEEP = timedelta(days=30)
STRETCH = 4_000
"""Rows that are archived at a time."""

Archive = Callable[[Sequence[Change]], Awaitable[None]]
"""Keeps a stretch of the log elsewhere; when it returns, the stretch is safe there. May be given the same again."""

_log = structlog.stdlib.get_logger(__name__)


async def trim(keep: timedelta = KEEP, archive: Archive | None = None) -> int:
    """Forget what is older than `keep`, but nothing that a consumer has still to read; answers the new floor.

    With an `archive` nothing is forgotten that it does not have: stretch by stretch, so that what was done before a
    failure stays done.

    A consumer that was paused for longer than `keep` is waited for no more; it then goes on only when it is resumed
    with `skip`. The floor is raised before anything is deleted, so that a reader never takes a trimmed stretch for a
    quiet one.
    """
    row = await database.collection(SEQUENCER).find_one({"_id": LOG})
    if row is None:
        return 0
    keep = max(keep, 2 * MARGIN)
    # Events above `seen` - MARGIN are looked up when the oplog was lost, so they stay however long ago that was.
    before = min(now(), row["seen"]) - keep
    await database.collection(OUTBOX).delete_many({"_id": {"$lt": ObjectId.from_datetime(before)}})
    floor, until = int(row["floor"]), await _unread(await position_at(before), now() - keep)
    while floor < until:
        if archive:
            stretch = await following(floor, min(STRETCH, until - floor))
            await archive(stretch)
            floor = stretch[-1].position
        else:
            floor = until
        await database.collection(SEQUENCER).update_one({"_id": LOG}, {"$max": {"floor": floor}})
        await database.collection(LOG).delete_many({"_id": {"$lte": floor}})
    return floor


async def _unread(floor: int, paused_before: datetime) -> int:
    """The floor, lowered to what consumers have read that were not paused before a moment."""
    async for row in database.collection(CONSUMERS).find({"position": {"$lt": floor}}).sort("position", 1):
        if "paused_at" not in row or row["paused_at"] >= paused_before:
            _log.warning("trim_held_back", consumer=row["_id"], position=row["position"])
            return int(row["position"])
        _log.error("consumer_left_behind", consumer=row["_id"], position=row["position"])
    return floor
