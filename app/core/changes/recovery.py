"""When the oplog no longer reaches back to where the sequencer stopped: save what still stands, and break every cursor
openly.

An outbox document stands until it is trimmed; of the events that a document carried, only those of its last change.
"""

from collections.abc import AsyncIterator
from datetime import timedelta

import structlog
from bson import ObjectId

from app.core import database
from app.core.changes.appending import BATCH, Appender, EventRow, unknown
from app.core.changes.envelope import FIELD, unpack
from app.core.changes.log import CONSUMERS, LEASE, LOG, MARGIN, SEQUENCER, operation_time
from app.core.changes.scope import OUTBOX
from app.core.clock import now
from app.core.leases import HELD

_log = structlog.stdlib.get_logger(__name__)


async def recover() -> None:
    """Append the events that no log row tells of, move the checkpoint to the present and begin a new epoch."""
    saved, epoch = await _begin_anew()
    _log.error("oplog_lost", recovered=saved, epoch=epoch)


async def begin_epoch() -> int:
    """Make a database that was restored from a backup go on where the backup stood; answers the new epoch.

    To be run before the first process starts: its oplog is another one, nobody of those who held its leases lives, and
    cursors of what happened after the backup must not be taken for those of what happens now. May be run again.
    """
    await database.collection(CONSUMERS).update_many({}, {"$unset": HELD})
    await database.collection(SEQUENCER).update_one({"_id": LEASE}, {"$unset": HELD})
    saved, epoch = await _begin_anew()
    _log.warning("epoch_begun", recovered=saved, epoch=epoch)
    return epoch


async def _begin_anew() -> tuple[int, int]:
    since = await operation_time()  # before the search: what is written during it is found twice rather than never
    row = await database.collection(SEQUENCER).find_one({"_id": LOG})
    if row is None:
        raise RuntimeError("the change log is not set up: prepare() comes first")
    appender, saved = await Appender.at_head(), 0
    async for _, events in _carried(ObjectId.from_datetime(row["seen"] - MARGIN)):
        missing = await unknown(appender.fresh(events))
        await appender.append(missing)
        saved += len(missing)
    # A moment, as the first one: a backup that is restored twice must not give two histories the same epoch.
    epoch = max(row["epoch"] + 1, int(now().timestamp()))
    await database.collection(SEQUENCER).update_one(
        {"_id": LOG}, {"$set": {"since": since, "epoch": epoch}, "$unset": {"token": ""}}
    )
    return saved, epoch


async def hidden(newest: timedelta = MARGIN, settled: timedelta = timedelta(seconds=30)) -> list[tuple[str, ObjectId]]:
    """An audit for a nightly job: events of the last `newest` that stand in a collection and are not in the log.

    Any of them proves a way of writing that hides events. The last `settled` is left out: the log may still be on its
    way.
    """
    oldest, latest = (ObjectId.from_datetime(now() - age) for age in (newest, settled))
    found = []
    async for name, events in _carried(oldest):
        found += [(name, event["e"]) for event in await unknown([event for event in events if event["e"] < latest])]
    return found


async def _carried(oldest: ObjectId) -> AsyncIterator[tuple[str, list[EventRow]]]:
    """The events in all carriers from an event id on, in groups, the outbox first."""
    names = await database.database().list_collection_names(filter={"type": "collection"})
    own = {LOG, SEQUENCER, CONSUMERS, OUTBOX}
    for name in [OUTBOX, *sorted(name for name in names if name not in own and not name.startswith("system."))]:
        group: list[EventRow] = []
        async for document in database.collection(name).find({FIELD: {"$exists": True}}, {FIELD: 1}).sort("_id", 1):
            group += [event for event in unpack(document[FIELD]) if event["e"] >= oldest]
            if len(group) >= BATCH:
                yield name, group
                group = []
        if group:
            yield name, group
