"""What a restore will read: one full backup, and the segments that lead from it to the moment that was asked for."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from bson import Timestamp

from app.core.backups.archive import Archive
from app.core.backups.errors import BackupError
from app.core.backups.manifest import Manifest, finished, snapshot_of, taken_at
from app.core.backups.moments import readable
from app.core.backups.oplog import Entry, wall
from app.core.backups.progress import Announce
from app.core.backups.segments import Segment, chain, stored

MARGIN = timedelta(minutes=5)
"""By so much the clocks of the server and of the sequencer may differ."""

_log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Plan:
    """`at`: the moment to stop at; None goes on to the last entry."""

    manifest: Manifest
    earlier: Sequence[Segment]
    """Of before the snapshot: they tell which events had no position yet."""
    segments: Sequence[Segment]
    at: datetime | None

    async def entries(self, archive: Archive, announce: Announce, since: datetime) -> AsyncIterator[Entry]:
        """The oplog up to the moment, each entry once. It begins before `since`, if that is before the snapshot.

        It ends before the first entry that the server's clock dates later: a state that the database really had.
        """
        position = Timestamp(0, 0)
        first = Timestamp(since - MARGIN, 0)
        segments = sorted(
            [one for one in self.earlier if one.until >= first] + [*self.segments], key=lambda one: one.after
        )
        for number, segment in enumerate(segments):
            await announce("what happened since", number, len(segments))
            async for entry in segment.entries(archive):
                if self.at is not None and wall(entry) > self.at and entry["ts"] > self.manifest.snapshot:
                    return
                if entry["ts"] > position:
                    position = entry["ts"]
                    yield entry


async def plan(archive: Archive, at: datetime | None, base: str | None = None) -> Plan:
    """`base` names the full backup to begin with; else it is the newest of before.

    Raises BackupError, saying which moments there are, when the archive does not lead to this one.
    """
    segments = await stored(archive)
    manifest, leading = await _beginning(archive, segments, at, base)
    reaches: datetime = (await leading[-1].heading(archive))["at"] if leading else manifest.at
    if at is not None and at > reaches:
        raise BackupError(
            f"The backups do not reach {readable(at)}: from the full one of {readable(manifest.at)} they go on to "
            f"{readable(reaches)} without a gap. Choose a time in between, or leave --at out for the latest."
        )
    if at is None and max([one.until for one in segments], default=Timestamp(0, 0)) > (
        leading[-1].until if leading else manifest.snapshot
    ):
        raise BackupError(
            f"The segments after {readable(reaches)} do not join on: one is missing, or a full backup is being made. "
            f"To restore what is there, say so: --at {readable(reaches)}"
        )
    own = [one for one in segments if one.run.replica_set == manifest.replica_set]
    earlier = [one for one in own if one.after < manifest.snapshot and one not in leading]
    return Plan(manifest, earlier, leading, at)


async def _beginning(
    archive: Archive, segments: Sequence[Segment], at: datetime | None, base: str | None
) -> tuple[Manifest, list[Segment]]:
    """The newest full backup that was taken by then, and what leads on from it.

    One whose manifest is damaged is passed over when segments lead past it from an older one.
    """
    names = await finished(archive)
    if not names:
        raise BackupError(f"There is no backup of {archive.database} in {archive.url}.")
    if base is not None and base not in names:
        raise BackupError(f"There is no full backup {base}: `atrium backup list` names those there are.")
    damaged: tuple[str, BackupError] | None = None
    for name in [base] if base else sorted(names, key=snapshot_of, reverse=True):
        if at is not None and taken_at(name) > at:
            continue
        try:
            manifest = await Manifest.load(archive, name)
        except BackupError as error:
            damaged = damaged or (name, error)
            continue
        if at is not None and manifest.at > at:
            continue
        leading = chain(segments, manifest.snapshot, manifest.replica_set)
        if damaged:
            passed, reason = damaged
            if not leading or leading[-1].until < snapshot_of(passed):
                raise reason
            _log.warning("backup_passed_over", name=passed, instead=name, error=str(reason))
        return manifest, leading
    if damaged:
        raise damaged[1]
    first = await Manifest.load(archive, base or min(names, key=snapshot_of))
    raise BackupError(f"{readable(at)} is before the first backup, which is of {readable(first.at)}.")  # type: ignore[arg-type]
