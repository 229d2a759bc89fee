"""What some content is, by what it looks like: names and announced types prove nothing."""

from functools import cache

from pure_magic_rs import MagicDb

HEAD = 8_192
"""Bytes that are looked at."""
TEXT = "text/plain"
TAKEN = frozenset(
    {
        *(f"image/{kind}" for kind in ("png", "jpeg", "gif", "webp", "avif", "heic", "heif", "bmp", "tiff")),
        *(f"audio/{kind}" for kind in ("mpeg", "mp4", "x-m4a", "ogg", "flac", "x-flac", "x-wav", "wav", "aac", "webm")),
        *(f"video/{kind}" for kind in ("mp4", "webm", "quicktime", "x-msvideo", "x-matroska", "mpeg", "ogg", "3gpp")),
        *(f"application/{kind}" for kind in ("pdf", "zip", "gzip", "json", "ogg", "msword", "rtf")),
        *(f"application/vnd.ms-{kind}" for kind in ("excel", "powerpoint", "office")),
        "text/csv",
        "text/rtf",
        TEXT,
    }
)
"""Nothing that a browser or a computer would run."""
OFFICE = ("application/vnd.openxmlformats-officedocument.", "application/vnd.oasis.opendocument.")


def media_type(head: bytes) -> str | None:
    """The media type of content that begins so; None for what is not taken."""
    found: str = _database().best_magic_buffer(head).mime_type
    return found if found in TAKEN or found.startswith(OFFICE) else None


@cache
def _database() -> MagicDb:
    return MagicDb()
