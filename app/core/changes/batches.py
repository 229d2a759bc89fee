"""Inserts that arrive together travel together; each document succeeds or fails alone."""

from collections.abc import Mapping, Sequence
from functools import cache, partial
from typing import Any

import bson
from bson.raw_bson import RawBSONDocument
from pymongo.errors import BulkWriteError, DocumentTooLarge, DuplicateKeyError, OperationFailure

from app.core import database
from app.core.grouping import Grouped

MAX_BYTES = 16 * 1024 * 1024
"""Of one command, and by MongoDB's rule of one document."""


async def add(collection: str, document: dict[str, Any]) -> None:
    """Insert one document; raises what `insert_one` would, above all DuplicateKeyError.

    A caller who is cancelled before the document left takes it back; after that its fate is not known, as with any
    write.
    """
    encoded = bson.encode(document)  # here, so that a document BSON cannot hold fails its own caller only
    if len(encoded) > MAX_BYTES:
        raise DocumentTooLarge(f"a document of {len(encoded):,} bytes; MongoDB takes {MAX_BYTES:,}")
    await _batches(collection).add(RawBSONDocument(encoded))


@cache
def _batches(collection: str) -> Grouped[RawBSONDocument]:
    return Grouped(partial(_insert, collection), size=lambda document: len(document.raw), largest=MAX_BYTES)


async def _insert(collection: str, documents: Sequence[RawBSONDocument]) -> Mapping[int, Exception]:
    try:
        await database.collection(collection).insert_many(documents, ordered=False)
    except BulkWriteError as error:
        return _each(error, len(documents))
    return {}


def _each(error: BulkWriteError, count: int) -> Mapping[int, Exception]:
    """The error of each document that failed, by its place in the batch."""
    if error.details["writeConcernErrors"]:
        return dict.fromkeys(range(count), error)
    errors: dict[int, Exception] = {}
    for one in error.details["writeErrors"]:
        kind = DuplicateKeyError if one["code"] == 11000 else OperationFailure
        errors[one["index"]] = kind(one["errmsg"], one["code"], one)
    return errors
