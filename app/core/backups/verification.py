"""Reads every byte of the backups and says what is wrong with them. No database is needed."""

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from bson import Timestamp

from app.core.backups.archive import Archive
from app.core.backups.documents import documents
from app.core.backups.errors import BackupError
from app.core.backups.manifest import FOLDER, MANIFEST, Manifest, finished
from app.core.backups.moments import readable
from app.core.backups.progress import Announce
from app.core.backups.segments import Run, Segment, floor, stored


@dataclass(slots=True)
class Verified:
    """What was read, and `wrong`: every fault in words."""

    manifests: list[Manifest] = field(default_factory=list)
    segments: int = 0
    entries: int = 0
    until: datetime | None = None
    """The newest moment that a segment tells of."""
    wrong: list[str] = field(default_factory=list)


async def verify(archive: Archive, announce: Announce) -> Verified:
    """Read, decrypt, unpack and count everything that is stored."""
    result, objects = Verified(), await archive.names()
    await _full_backups(archive, result, announce)
    await _segments(archive, result, announce)
    known = {f"{FOLDER}{one.name}/{MANIFEST}" for one in result.manifests}
    known |= {part.object for manifest in result.manifests for part in manifest.parts}
    newest = max((manifest.name for manifest in result.manifests), default="")
    for name in objects:
        # What is newer than the newest is in the making. What lies elsewhere, as the log's archive, is not judged here.
        if name.startswith(FOLDER) and name not in known and name.split("/")[1] <= newest:
            result.wrong.append(f"{name} belongs to no backup: its manifest is missing, or it was never finished.")
    if not result.manifests and not result.wrong:
        result.wrong.append(f"There is no backup of {archive.database} in {archive.url}.")
    return result


async def _full_backups(archive: Archive, result: Verified, announce: Announce) -> None:
    for name in await finished(archive):
        try:
            manifest = await Manifest.load(archive, name)
        except BackupError as error:
            result.wrong.append(str(error))
            continue
        result.manifests.append(manifest)
        for number, part in enumerate(manifest.parts):
            await announce(f"full backup of {readable(manifest.at)}", number, len(manifest.parts))
            try:
                count = 0
                async for batch in documents(archive.read(part.object, part.stored), part.object):
                    count += len(batch)
                if count != part.documents:
                    result.wrong.append(f"{part.object} holds {count} documents; its manifest says {part.documents}.")
            except BackupError as error:
                result.wrong.append(str(error))


async def _segments(archive: Archive, result: Verified, announce: Announce) -> None:
    try:
        segments, lowest = await stored(archive), await floor(archive)
    except BackupError as error:
        result.wrong.append(str(error))
        return
    reached: dict[Run, Timestamp] = {}
    for number, segment in enumerate(segments):
        await announce("segments", number, len(segments))
        try:
            before = reached.get(segment.run, max(segment.run.began, lowest or segment.run.began))
            await _segment(archive, segment, before, result)
        except BackupError as error:
            result.wrong.append(str(error))
        reached[segment.run] = max(segment.until, before)
    result.segments = len(segments)
    with suppress(BackupError):  # said above
        result.until = max([(await one.heading(archive))["at"] for one in segments[-1:]], default=None)


async def _segment(archive: Archive, segment: Segment, reached: Timestamp, result: Verified) -> None:
    if segment.after > reached:
        result.wrong.append(f"The segment before {segment.name} is missing.")
    position = segment.after
    async for entry in segment.entries(archive):
        if not position < entry["ts"] <= segment.until:
            result.wrong.append(f"{segment.name} is out of order.")
            break
        position = entry["ts"]
        result.entries += 1
