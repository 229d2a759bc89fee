"""Drills: restore the newest backup beside the living database, check it, and drop it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from app.core import clock, database
from app.core.backups.archive import Archive
from app.core.backups.invariants import Check
from app.core.backups.progress import Announce
from app.core.backups.restoring import Restored, restore

ABANDONED = 86_400
"""Seconds after which the database of a drill that was killed is dropped by the next."""


@dataclass(frozen=True, slots=True)
class Drilled:
    """What was restored, in how many seconds, and how many the copy was behind when the drill began."""

    restored: Restored
    seconds: float
    behind: float


async def drill(archive: Archive, announce: Announce, checks: Sequence[Check] = ()) -> Drilled:
    """Raises BackupError when the newest backup cannot be restored, or is not sound."""
    client, prefix = database.client(), f"{archive.database}_drill_"
    began, start = clock.source(), time.monotonic()
    for name in await client.list_database_names():
        if name.startswith(prefix) and int(name.removeprefix(prefix), 16) < began - ABANDONED:
            await client.drop_database(name)
    scratch = f"{prefix}{int(began):x}"
    try:
        restored = await restore(archive, scratch, None, announce, checks)
    finally:
        await client.drop_database(scratch)
    return Drilled(restored, time.monotonic() - start, began - restored.until.timestamp())
