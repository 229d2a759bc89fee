"""The envelope in which events travel: the `_events` field of a written document.

It is a Binary, because MongoDB logs a scalar whole but may log a changed array as a diff of its parts. Every change of
a document overwrites it and nothing clears it: only the sequencer reads it, in the oplog entry of the write.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog
from bson import Binary, ObjectId, decode, encode
from bson.codec_options import CodecOptions
from bson.errors import BSONError, InvalidDocument

from app.core import keyring, origin
from app.core.changes.events import Event
from app.core.keyring import KeyGone
from app.core.origin import Origin

FIELD = "_events"
MAX_EVENT_BYTES = 64 * 1024
"""An event holds ids and what changed; one that grows beyond this carries content that belongs in a document."""

_UTC: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True)
_log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Image:
    """The audited fields that a write changed, each as it was and as it is; `owner` names whose data key seals them."""

    owner: str
    fields: Mapping[str, tuple[Any, Any]]


NO_IMAGES: Mapping[ObjectId, Image] = {}


async def pack(
    events: Iterable[Event], images: Mapping[ObjectId, Image] = NO_IMAGES, origins: Mapping[ObjectId, Origin] = {}
) -> Binary:
    """With each event goes where it comes from `c`, and the image `x` that there is for its id.

    It comes from where `origins` say by its id, else from what is at work.

    Raises ValueError for an event that is too large, TypeError for one that BSON cannot hold.
    """
    rows, here = [], origin.current()
    for event in events:
        row = event.row()
        if (coming := origins.get(event.id, here)) is not None:
            row["c"] = await coming.row(event.actor)
        if (image := images.get(event.id)) is not None:
            with suppress(KeyGone):  # whose data it is has been erased
                row["x"] = await keyring.seal(image.owner, encode(image.fields))
        rows.append(row)
    return packed(rows)


def packed(rows: list[dict[str, Any]]) -> Binary:
    """Rows of events in their envelope, checked as by `pack`."""
    try:
        content = encode({"v": rows})
    except (InvalidDocument, OverflowError, UnicodeError) as error:
        raise TypeError(f"{_culprit(rows)} cannot be stored: {error}") from error
    if len(content) > MAX_EVENT_BYTES:
        for row in rows:
            if (size := len(encode(row))) > MAX_EVENT_BYTES:
                raise ValueError(f"{row['t']} takes {size:,} bytes; an event may take {MAX_EVENT_BYTES:,}")
    return Binary(content)


def _culprit(rows: Iterable[Mapping[str, Any]]) -> str:
    """The first field of these events that BSON cannot hold."""
    for row in rows:
        for name, value in row["d"].items():
            try:
                encode({name: value})
            except (InvalidDocument, OverflowError, UnicodeError):
                return f"{row['t']}: `{name}`"
    return "an event"


def unpack(envelope: object) -> list[dict[str, Any]]:
    """The rows of the events in an envelope. What cannot be read is logged and left out: it must never stop the log."""
    try:
        rows = decode(envelope, _UTC)["v"] if isinstance(envelope, bytes) else None
    except (BSONError, KeyError) as error:
        _log.error("events_unreadable", error=repr(error))
        return []
    readable = [row for row in rows if _is_event(row)] if isinstance(rows, list) else []
    if not isinstance(rows, list) or len(readable) < len(rows):
        _log.error("events_unreadable", error="an event lacks its id, type, streams, actor or data")
    return readable


def _is_event(row: object) -> bool:
    return (
        isinstance(row, Mapping)
        and isinstance(row.get("e"), ObjectId)
        and isinstance(row.get("t"), str)
        and isinstance(row.get("s"), list)
        and isinstance(row.get("a"), str)
        and isinstance(row.get("d"), Mapping)
        and (row.get("o") is None or isinstance(row["o"], ObjectId))
    )
