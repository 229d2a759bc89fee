"""Segments: the oplog of a database, cut into objects that follow on each other.

    segments/<run>/<after>-<until>-<term>   a heading, then the oplog's entries above `after` up to `until`, as they are
    head                                    a segment's name: its run was stored at least so far, or a loss is noticed
    floor                                   from which moment on segments are kept, so that the loss of the oldest is

All segments of a run are of one history: of one replica set, and each begins with the very entry, by its term too, at
which the one before it ends. Two tails may have written at once (one was frozen past its lease): segments of a run
overlap then, and tell the same.
"""

import secrets
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
_START = Timestamp(0, 0)


@dataclass(frozen=True, slots=True, order=True)
class Run:
    """Segments without a gap. `replica_set`: whose oplog it is; `id` is random."""

    began: Timestamp
    replica_set: str
    id: str

    @classmethod
    def new(cls, began: Timestamp, replica_set: str) -> Self:
        return cls(began, replica_set, secrets.token_hex(4))

    @property
    def name(self) -> str:
        return f"{hexadecimal(self.began)}-{self.replica_set}-{self.id}"


@dataclass(frozen=True, slots=True)
class Position:
    """How far a run has come: to the entry at `ts`, written in the replica set's `term`."""

    run: Run
    ts: Timestamp
    term: int


@dataclass(frozen=True, slots=True, order=True)
class Segment:
    """Holds what happened after `after`, up to and with the entry at `until`, which is of `term`."""

    run: Run
    after: Timestamp
    until: Timestamp
    term: int

    @property
    def name(self) -> str:
        return f"{FOLDER}{self.run.name}/{hexadecimal(self.after)}-{hexadecimal(self.until)}-{self.term:x}"

    @property
    def end(self) -> Position:
        return Position(self.run, self.until, self.term)

    @classmethod
    def of(cls, name: str) -> Self:
        """Raises BackupError for a name that this release did not write."""
        try:
            _, run, place = name.split("/")
            (began, replica_set, id), (after, until, term) = run.split("-"), place.split("-")
            return cls(Run(timestamp(began), replica_set, id), timestamp(after), timestamp(until), int(term, 16))
        except ValueError:
            raise BackupError(f"{name} is no segment: a foreign object lies among the backups.") from None

    async def store(self, archive: Archive, at: datetime, entries: Sequence[bytes]) -> None:
        """`at`: what the server's clock showed at the entry of `until`."""
        if self.after == self.run.began:  # before there is a segment, so that one without a head was robbed of it
            await archive.put(HEAD, Segment(self.run, self.after, self.after, self.term).name.encode())
        heading = {
            "database": archive.database,
            "run": self.run.name,
            "after": self.after,
            "until": self.until,
            "at": at,
        }
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


async def listed(archive: Archive) -> list[Segment]:
    """Every segment there is, the newest run last."""
    return sorted(Segment.of(name) for name in await archive.names(FOLDER))


async def stored(archive: Archive) -> list[Segment]:
    """Every segment there is, the newest run last. Raises BackupError when the newest that was written is not there."""
    head = await archive.find(HEAD)  # first: meanwhile segments are added
    segments = await listed(archive)
    if head is None:
        if segments:
            raise BackupError(f"{HEAD}, which names the newest segment, is missing: use another copy of this backup.")
        return segments
    newest = Segment.of(head.decode())
    reached = max([one.until for one in segments if one.run == newest.run], default=newest.run.began)
    if newest.until > max(reached, await floor(archive) or _START):
        raise BackupError(f"{newest.name}, the newest segment, is missing: use another copy of this backup.")
    return segments


async def raise_floor(archive: Archive, floor: Timestamp) -> None:
    """Forget the segments that end before a moment, but for the newest, at which the tail goes on."""
    segments = await listed(archive)
    newest = latest_run(segments)[-1:]
    await archive.put(FLOOR, hexadecimal(floor).encode())
    await archive.delete([one.name for one in segments if one.until <= floor and one not in newest])


async def floor(archive: Archive) -> Timestamp | None:
    found = await archive.find(FLOOR)
    return timestamp(found.decode()) if found is not None else None


def chain(segments: Sequence[Segment], start: Timestamp, replica_set: str) -> list[Segment]:
    """Those that lead furthest from a moment of a replica set onwards, without a gap and in one run."""
    runs = {one.run for one in segments if one.run.replica_set == replica_set}
    found = [_joined([one for one in segments if one.run == run], start) for run in sorted(runs)]
    return max(found, key=lambda chain: chain[-1].until if chain else _START, default=[])


def _joined(segments: Sequence[Segment], start: Timestamp) -> list[Segment]:
    found: list[Segment] = []
    position = start
    for segment in sorted(segments):
        if segment.after <= position < segment.until:
            found.append(segment)
            position = segment.until
    return found


def latest_run(segments: Sequence[Segment]) -> list[Segment]:
    """The newest segments that follow on each other without a gap."""
    newest = max((one.run for one in segments), default=None)
    found: list[Segment] = []
    for segment in sorted(one for one in segments if one.run == newest):
        if found and segment.after > found[-1].until:
            found = []
        if not found or segment.until > found[-1].until:
            found.append(segment)
    return found
