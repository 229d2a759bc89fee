"""Segments: the oplog of a database, cut into objects that follow on each other.

    segments/<after>-<until>   a heading, then the entries above `after` up to `until`, as the oplog has them
    head                       the name of the newest segment, so that its loss is noticed
    floor                      from which moment on segments are kept, so that the loss of the oldest is

A segment joins on to another, or its heading says that a run begins anew: the oplog had overrun the tail. Two tails may
have written at once (one was frozen past its lease): segments overlap then, and tell the same.
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
HEAD, FLOOR = "head", "floor"
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

    async def store(self, archive: Archive, at: datetime, entries: Sequence[bytes], *, anew: bool) -> None:
        """`at`: what the server's clock showed at the entry of `until`. `anew`: nothing that is stored leads here."""
        heading = {"database": archive.database, "after": self.after, "until": self.until, "at": at, "anew": anew}
        await archive.put(self.name, b"".join([encode(heading), *entries]))
        await archive.put(HEAD, self.name.encode())

    async def heading(self, archive: Archive) -> dict[str, Any]:
        async for batch in documents(archive.read(self.name), self.name):
            heading = decode(batch[0].raw, _UTC)
            archive.check_database(heading["database"], self.name)
            return heading
        raise BackupError(f"{self.name} is empty: this backup cannot be trusted; use another.")

    async def entries(self, archive: Archive) -> AsyncIterator[Entry]:
        heading = True
        async for batch in documents(archive.read(self.name), self.name):
            if heading:
                archive.check_database(batch[0]["database"], self.name)
                batch, heading = batch[1:], False
            for entry in batch:
                yield entry


async def stored(archive: Archive) -> list[Segment]:
    """Every segment there is, the oldest first. Raises BackupError when the newest that was written is not there."""
    names = await archive.names()
    newest = (await archive.get(HEAD)).decode() if HEAD in names else None  # first: meanwhile segments are added
    segments = sorted(Segment.of(name) for name in await archive.names(FOLDER))
    if segments and newest is None:
        raise BackupError(f"{HEAD}, which names the newest segment, is missing: use another copy of this backup.")
    if newest and newest not in {segment.name for segment in segments}:
        raise BackupError(f"{newest}, the newest segment, is missing: use another copy of this backup.")
    return segments


async def raise_floor(archive: Archive, floor: Timestamp) -> None:
    """Forget the segments that end before a moment."""
    await archive.put(FLOOR, hexadecimal(floor).encode())
    old = [Segment.of(name) for name in await archive.names(FOLDER)]
    await archive.delete([segment.name for segment in old if segment.until <= floor])


async def floor(archive: Archive) -> Timestamp | None:
    return timestamp((await archive.get(FLOOR)).decode()) if FLOOR in await archive.names() else None


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
