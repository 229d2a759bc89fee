"""Segments: the oplog of a database, cut into objects that follow on each other.

    segments/<after>-<until>     a heading, then the entries above `after` up to `until`, as the oplog has them
    head                         the name of the newest segment, so that its loss is noticed

Two tails may have written at once (one was frozen past its lease): segments overlap then, and tell the same.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from bson import Timestamp, decode, encode
from bson.codec_options import CodecOptions

from app.core.backups.archive import Archive
from app.core.backups.documents import documents
from app.core.backups.errors import BackupError
from app.core.backups.moments import hexadecimal, timestamp
from app.core.backups.oplog import Entry

FOLDER = "segments/"
HEAD = "head"
_UTC: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True)


@dataclass(frozen=True, slots=True, order=True)
class Segment:
    """Holds what happened after `after`, up to and with `until`."""

    after: Timestamp
    until: Timestamp

    @property
    def name(self) -> str:
        return f"{FOLDER}{hexadecimal(self.after)}-{hexadecimal(self.until)}"

    @classmethod
    def of(cls, name: str) -> Self:
        after, until = name.removeprefix(FOLDER).split("-")
        return cls(timestamp(after), timestamp(until))

    async def store(self, archive: Archive, at: datetime, entries: Sequence[bytes]) -> None:
        """`at`: what the server's clock showed at the entry of `until`."""
        heading = encode({"database": archive.database, "after": self.after, "until": self.until, "at": at})
        await archive.put(self.name, b"".join([heading, *entries]))
        await archive.put(HEAD, self.name.encode())

    async def at(self, archive: Archive) -> datetime:
        """Up to which moment it tells, by the server's clock."""
        async for batch in documents(archive.read(self.name), self.name):
            moment: datetime = decode(batch[0].raw, _UTC)["at"]
            return moment
        raise BackupError(f"{self.name} is empty: this backup cannot be trusted; use another.")

    async def entries(self, archive: Archive) -> AsyncIterator[Entry]:
        heading = True
        async for batch in documents(archive.read(self.name), self.name):
            for entry in batch[1:] if heading else batch:
                yield entry
            heading = False


async def stored(archive: Archive) -> list[Segment]:
    """Every segment there is, the oldest first."""
    return sorted(Segment.of(name) for name in await archive.names(FOLDER))


async def check_head(archive: Archive, segments: Sequence[Segment]) -> None:
    """Raises BackupError when the newest segment that was written is not there."""
    if segments and (newest := (await archive.get(HEAD)).decode()) not in {segment.name for segment in segments}:
        raise BackupError(f"{newest}, the newest segment, is missing: use another copy of this backup.")


def chain(segments: Sequence[Segment], start: Timestamp) -> list[Segment]:
    """Those that lead from a moment onwards, without a gap."""
    found: list[Segment] = []
    position = start
    for segment in sorted(segments):
        if segment.after <= position < segment.until:
            found.append(segment)
            position = segment.until
    return found


def latest_run(segments: Sequence[Segment]) -> list[Segment]:
    """The newest segments that follow on each other without a gap."""
    run: list[Segment] = []
    for segment in sorted(segments):
        if run and segment.after > run[-1].until:
            run = []
        if not run or segment.until > run[-1].until:
            run.append(segment)
    return run
