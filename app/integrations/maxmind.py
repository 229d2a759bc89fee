"""Where addresses are, from a file of MaxMind's format that is kept here: nobody outside is asked."""

from functools import cache
from pathlib import Path
from typing import Any

import maxminddb
import structlog

from app.core.settings import settings

_log = structlog.get_logger(__name__)


@cache
def _reader(path: Path) -> maxminddb.Reader | None:
    try:
        return maxminddb.open_database(path, maxminddb.MODE_MMAP)
    except (OSError, maxminddb.InvalidDatabaseError) as error:
        _log.warning("places.unreadable", path=str(path), error=repr(error))
        return None


def place(address: str) -> str | None:
    """City and country of an address, in English; None when the file, or the address, is not known."""
    path = settings().places_database
    reader = _reader(path) if path else None
    if reader is None:
        return None
    try:
        found: Any = reader.get(address) or {}
    except (ValueError, maxminddb.InvalidDatabaseError):  # no address, or a file that is damaged
        return None
    names = (found.get(part, {}).get("names", {}).get("en") for part in ("city", "country"))
    return ", ".join(name for name in names if name) or None
