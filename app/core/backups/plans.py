"""What a restore will read: one full backup, and the segments that lead from it to the moment that was asked for."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from bson import Timestamp

from app.core.backups.archive import Archive
from app.core.backups.errors import BackupError
from app.core.backups.manifest import Manifest, finished, snapshot_of
from app.core.backups.moments import readable
from app.core.backups.oplog import Entry, wall
from app.core.backups.progress import Announce
from app.core.backups.segments import Segment, chain, stored


@dataclass(frozen=True, slots=True)
class Plan:
    """`at`: the moment to stop at; None goes on to the last entry."""

    manifest: Manifest
    segments: Sequence[Segment]
    at: datetime | None

    async def entries(self, archive: Archive, announce: Announce) -> AsyncIterator[Entry]:
        """The oplog up to the moment, each entry once. It begins some time before the snapshot.

        It ends before the first entry that the server's clock dates later: a state that the database really had.
        """
        position = Timestamp(0, 0)
        for number, segment in enumerate(self.segments):
            await announce("what happened since", number, len(self.segments))
            async for entry in segment.entries(archive):
                if self.at is not None and wall(entry) > self.at and entry["ts"] > self.manifest.snapshot:
                    return
                if entry["ts"] > position:
                    position = entry["ts"]
                    yield entry


async def plan(archive: Archive, at: datetime | None) -> Plan:
    """Raises BackupError, saying which moments there are, when the archive does not lead to this one."""
    segments = await stored(archive)
    manifest = await _before(archive, at)
    leading = chain(segments, manifest.snapshot)
    reaches: datetime = (await leading[-1].heading(archive))["at"] if leading else manifest.at
    if at is not None and at > reaches:
        raise BackupError(
            f"The backups do not reach {readable(at)}: from the full one of {readable(manifest.at)} they go on to "
            f"{readable(reaches)} without a gap. Choose a time in between, or leave --at out for the latest."
        )
    if at is None and segments and segments[-1].until > (leading[-1].until if leading else manifest.snapshot):
        raise BackupError(
            f"The segments after {readable(reaches)} do not join on: one is missing, or a full backup is being made. "
            f"To restore what is there, say so: --at {readable(reaches)}"
        )
    before = [segment for segment in segments if leading and segment.until == leading[0].after]
    return Plan(manifest, before[-1:] + leading, at)


async def _before(archive: Archive, at: datetime | None) -> Manifest:
    """The newest full backup that was taken by then."""
    names = await finished(archive)
    if not names:
        raise BackupError(f"There is no backup of {archive.database} in {archive.url}.")
    for name in sorted(names, key=snapshot_of, reverse=True):
        manifest = await Manifest.load(archive, name)
        if at is None or manifest.at <= at:
            return manifest
    raise BackupError(f"{readable(at)} is before the first backup, which is of {readable(manifest.at)}.")  # type: ignore[arg-type]
