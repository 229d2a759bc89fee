"""Drills: restore the newest backup beside the living database, check it, and drop it."""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

from app.core import clock, database
from app.core.backups.archive import Archive
from app.core.backups.claim import abandoned
from app.core.backups.errors import refusals
from app.core.backups.invariants import Check
from app.core.backups.progress import Announce
from app.core.backups.restoring import Restored, rehearse


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
    with refusals("drill"):
        for name in await client.list_database_names():
            if re.fullmatch(f"{re.escape(prefix)}[0-9a-f]{{8}}", name) and await abandoned(client[name]):
                await client.drop_database(name)
    restored = await rehearse(archive, f"{prefix}{int(began):08x}", announce, checks)
    return Drilled(restored, time.monotonic() - start, began - restored.until.timestamp())
