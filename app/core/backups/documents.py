"""BSON documents in streams of bytes."""

import struct
from collections.abc import AsyncIterator
from typing import Any

from bson.codec_options import CodecOptions
from bson.errors import BSONError
from bson.raw_bson import RawBSONDocument

from app.core.backups.errors import BackupError

RAW: CodecOptions[Any] = CodecOptions(RawBSONDocument)
BATCH_BYTES, BATCH_DOCUMENTS = 4 << 20, 20_000
_LENGTH = struct.Struct("<i")
_SMALLEST, _LARGEST = 5, (16 << 20) + (16 << 10)


async def documents(pieces: AsyncIterator[bytes], name: str) -> AsyncIterator[list[RawBSONDocument]]:
    """The documents in a stream, in batches that fit into one command. Raises BackupError for what is no BSON."""
    batch: list[RawBSONDocument] = []
    rest, size = b"", 0
    async for piece in pieces:
        content, start = rest + piece, 0
        while (end := _end(content, start, name)) <= len(content):
            if batch and (size + end - start > BATCH_BYTES or len(batch) == BATCH_DOCUMENTS):
                yield batch
                batch, size = [], 0
            batch.append(_document(content[start:end], name))
            size += end - start
            start = end
        rest = content[start:]
    if rest:
        raise BackupError(f"{name} ends within a document: this backup cannot be trusted; use another.")
    if batch:
        yield batch


def _end(content: bytes, start: int, name: str) -> int:
    """Where the document at `start` ends; beyond the content when it is not there as a whole."""
    if len(content) - start < _LENGTH.size:
        return len(content) + 1
    length: int = _LENGTH.unpack_from(content, start)[0]
    if not _SMALLEST <= length <= _LARGEST:
        raise BackupError(f"{name} does not hold documents: this backup cannot be trusted; use another.")
    return start + length


def _document(content: bytes, name: str) -> RawBSONDocument:
    try:
        return RawBSONDocument(content)
    except BSONError:
        raise BackupError(f"{name} does not hold documents: this backup cannot be trusted; use another.") from None
