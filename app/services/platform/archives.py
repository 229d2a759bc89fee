"""The archive of the change log: what was trimmed, as sealed and compressed JSON lines, one object for each stretch.

`<ARCHIVE_URL>/<database>/log/<first>-<last>.<epoch>.jsonl` holds every position from the first to the last, so the
names tell whether anything is missing. Stretches may overlap, after a crash or a restored backup; then the later epoch
holds.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self

from bson import json_util

from app.core import changes, seals
from app.core.backups.archive import Archive
from app.core.backups.errors import BackupError
from app.core.backups.keys import Key, Keys
from app.core.changes import Change, log
from app.core.errors import NotFound
from app.core.settings import settings

_FOLDER = "log/"
_SUFFIX = ".jsonl"
_DIGITS = 19
"""Of a position in a name: names sort as positions do."""


class NotArchived(NotFound):
    """A position that the archive does not hold."""

    code = "NOT_ARCHIVED"


@dataclass(frozen=True, slots=True, order=True)
class Stretch:
    """Positions from `first` to `last`, as they were in an epoch."""

    first: int
    last: int
    epoch: int

    @property
    def name(self) -> str:
        return f"{_FOLDER}{self.first:0{_DIGITS}}-{self.last:0{_DIGITS}}.{self.epoch}{_SUFFIX}"

    @classmethod
    def of(cls, name: str) -> Self:
        positions, epoch = name.removeprefix(_FOLDER).removesuffix(_SUFFIX).split(".")
        first, last = positions.split("-")
        return cls(int(first), int(last), int(epoch))


async def trim() -> int:
    """Forget what is older than LOG_DAYS, when it is in the archive if there is one; answers the new floor.

    Raises BackupError when the archive cannot be written or does not hold what was written: nothing is forgotten then.
    """
    return await changes.trim(timedelta(days=settings().log_days), keep if settings().archive_url else None)


async def keep(stretch: Sequence[Change]) -> None:
    """Write a stretch of the log, and read it back."""
    archive, epoch = _archive(), (await log.state()).epoch
    name = Stretch(stretch[0].position, stretch[-1].position, epoch).name
    lines = await asyncio.to_thread(_encode, stretch)
    await archive.put(name, lines)
    if await archive.get(name) != lines:
        raise BackupError(f"{name} is not in the archive as it was written: the log is kept until it is.")


async def stretches() -> list[Stretch]:
    """What the archive holds, by position. Raises BackupError."""
    return sorted(Stretch.of(name) for name in await _archive().names(_FOLDER))


def missing(held: Sequence[Stretch]) -> list[tuple[int, int]]:
    """The first and last position of each hole between stretches, which are given by position."""
    holes, end = [], held[0].last if held else 0
    for one in held:
        if one.first > end + 1:
            holes.append((end + 1, one.first - 1))
        end = max(end, one.last)
    return holes


async def read(first: int, last: int) -> AsyncIterator[str]:
    """The rows of these positions in order, a line of JSON each. Raises NotArchived at one that is not there."""
    archive, held, position = _archive(), await stretches(), first
    while position <= last:
        over = [one for one in held if one.first <= position <= one.last]
        if not over:
            raise NotArchived("Position {position} is not in the archive.", position=position)
        chosen = max(over, key=lambda one: (one.epoch, one.last))
        lines = (await archive.get(chosen.name)).decode().splitlines()
        if len(lines) != chosen.last - chosen.first + 1:
            raise BackupError(f"{chosen.name} holds {len(lines)} rows: use another copy of the archive.")
        newer = [one.first - 1 for one in held if one.first > position and one.epoch > chosen.epoch]
        end = min(chosen.last, last, *newer)
        for line in lines[position - chosen.first : end - chosen.first + 1]:
            yield line
        position = end + 1


def _archive() -> Archive:
    url = settings().archive_url
    if url is None:
        raise BackupError("The change log has no archive: set ARCHIVE_URL (see .env.example).")
    return Archive(url, settings().mongodb_database, Keys(Key(seals.key("log archive"))), setting="ARCHIVE_URL")


def _encode(stretch: Sequence[Change]) -> bytes:
    return b"".join(f"{_line(change)}\n".encode() for change in stretch)


def _line(change: Change) -> str:
    row: dict[str, Any] = {
        "position": change.position,
        "id": change.id,
        "type": change.type,
        "organization": change.organization_id,
        "streams": list(change.streams),
        "actor": change.actor,
        "data": change.data,
        "at": change.at,
        **({"origin": change.origin} if change.origin else {}),
        **({"image": change.image} if change.image else {}),
    }
    return json_util.dumps(row, json_options=json_util.RELAXED_JSON_OPTIONS)
