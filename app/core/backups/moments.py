"""Moments: of the oplog, in the names of objects; of people, on the command line."""

from datetime import UTC, datetime

from bson import Timestamp

from app.core.backups.errors import BackupError


def hexadecimal(moment: Timestamp) -> str:
    return f"{moment.time:08x}{moment.inc:08x}"


def timestamp(text: str) -> Timestamp:
    """Raises BackupError for a name that this release did not write."""
    try:
        return Timestamp(int(text[:8], 16), int(text[8:16], 16))
    except ValueError:
        raise BackupError(f"{text} is not a moment of the oplog: a foreign object lies among the backups.") from None


def moment(text: str) -> datetime:
    """What a person means by a time. Raises BackupError."""
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise BackupError(f"“{text}” is not a time: write it like 2030-01-31T14:05:09Z.") from None
    if parsed.tzinfo is None:
        raise BackupError(f"“{text}” names no time zone: write it like 2030-01-31T14:05:09Z or …+02:00.")
    return parsed.astimezone(UTC)


def readable(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
