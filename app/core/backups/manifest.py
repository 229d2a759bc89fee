"""What a full backup holds. The manifest is written last: a backup without one is not finished."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Self

from bson import Timestamp, decode, encode
from bson.codec_options import CodecOptions
from bson.errors import BSONError

from app.core.backups.archive import Archive, Stored
from app.core.backups.errors import BackupError
from app.core.backups.moments import hexadecimal, timestamp

FOLDER = "full/"
MANIFEST = "manifest"
_UTC: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True)


@dataclass(frozen=True, slots=True)
class Part:
    """One collection, in one object."""

    collection: str
    options: dict[str, Any]
    indexes: list[dict[str, Any]]
    object: str
    size: int
    sha256: str
    documents: int
    bytes: int
    """Of the plain documents."""

    @property
    def stored(self) -> Stored:
        return Stored(self.size, self.sha256)


@dataclass(frozen=True, slots=True)
class Manifest:
    """A full backup: every collection as it was at one moment of the oplog."""

    name: str
    database: str
    snapshot: Timestamp
    at: datetime
    """The server's clock when the snapshot had been taken."""
    server: str
    replica_set: str
    """Whose oplog the snapshot is a moment of."""
    parts: tuple[Part, ...]

    @property
    def documents(self) -> int:
        return sum(part.documents for part in self.parts)

    @property
    def size(self) -> int:
        """Bytes that it takes in the archive."""
        return sum(part.size for part in self.parts)

    async def store(self, archive: Archive) -> None:
        await archive.put(f"{FOLDER}{self.name}/{MANIFEST}", encode(asdict(self)))

    @classmethod
    async def load(cls, archive: Archive, name: str) -> Self:
        content = await archive.get(f"{FOLDER}{name}/{MANIFEST}")
        try:
            row = decode(content, _UTC)
            manifest = cls(**{**row, "parts": tuple(Part(**part) for part in row["parts"])})
        except (BSONError, TypeError, KeyError):
            raise BackupError(f"The manifest of {name} cannot be read: it was written by another release.") from None
        archive.check_database(manifest.database, name)
        return manifest


def name_of(snapshot: Timestamp, at: datetime) -> str:
    """Sorts by the moment of the snapshot."""
    return f"{hexadecimal(snapshot)}-{at:%Y%m%dT%H%M%SZ}"


def snapshot_of(name: str) -> Timestamp:
    return timestamp(name)


def taken_at(name: str) -> datetime:
    """Its second. Raises BackupError for a name that this release did not write."""
    try:
        return datetime.strptime(name[17:], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise BackupError(f"{name} names no moment: a foreign object lies among the backups.") from None


async def finished(archive: Archive) -> list[str]:
    """The names of the full backups, the oldest first."""
    found = await archive.names(FOLDER)
    return [name.split("/")[1] for name in found if name.count("/") == 2 and name.endswith(f"/{MANIFEST}")]
