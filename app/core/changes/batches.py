"""Group commit of inserts: what arrives while a command travels goes in the next one."""

import asyncio
from contextvars import Context
from typing import Any
from weakref import WeakKeyDictionary

import bson
from bson.raw_bson import RawBSONDocument
from pymongo.errors import BulkWriteError, DocumentTooLarge, DuplicateKeyError, OperationFailure

from app.core import database

MAX_DOCUMENTS = 500
MAX_BYTES = 16 * 1024 * 1024
"""Of one command, and by MongoDB's rule of one document."""

_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, "Batches"]] = WeakKeyDictionary()


def batches(collection: str) -> "Batches":
    """The running event loop's batches of inserts into a collection."""
    mine = _loops.setdefault(asyncio.get_running_loop(), {})
    if collection not in mine:
        mine[collection] = Batches(collection)
    return mine[collection]


class Batches:
    """Inserts into one collection. An idle collection is written to at once; each document succeeds or fails alone."""

    def __init__(self, collection: str) -> None:
        self._collection = collection
        self._waiting: list[tuple[RawBSONDocument, asyncio.Future[None]]] = []
        self._sending: asyncio.Task[None] | None = None

    async def add(self, document: dict[str, Any]) -> None:
        """Insert one document; raises what `insert_one` would, above all DuplicateKeyError.

        A caller who is cancelled before the document left takes it back; after that its fate is not known, as with
        any write.
        """
        encoded = bson.encode(document)  # here, so that a document BSON cannot hold fails its own caller only
        if len(encoded) > MAX_BYTES:
            raise DocumentTooLarge(f"a document of {len(encoded):,} bytes; MongoDB takes {MAX_BYTES:,}")
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((RawBSONDocument(encoded), done))
        if self._sending is None or self._sending.done():
            # An empty context: the task serves many callers, and must not carry one caller's scope or log context.
            self._sending = asyncio.get_running_loop().create_task(self._send(), context=Context())
        await done

    async def _send(self) -> None:
        while batch := self._take():
            errors: dict[int, BaseException] = {}
            try:
                await database.collection(self._collection).insert_many([raw for raw, _ in batch], ordered=False)
            except BulkWriteError as error:
                errors = _each(error, len(batch))
            except BaseException as error:  # not known whether any of them was written
                errors = dict.fromkeys(range(len(batch)), error)
                if not isinstance(error, Exception):
                    raise
            finally:
                for index, (_, done) in enumerate(batch):
                    if done.done():
                        continue
                    if index in errors:
                        done.set_exception(errors[index])
                    else:
                        done.set_result(None)

    def _take(self) -> list[tuple[RawBSONDocument, asyncio.Future[None]]]:
        """The next batch, without those whose caller has gone."""
        batch: list[tuple[RawBSONDocument, asyncio.Future[None]]] = []
        size = 0
        for count, (raw, done) in enumerate(self._waiting):
            if not done.cancelled():
                size += len(raw.raw)
                if batch and (len(batch) == MAX_DOCUMENTS or size > MAX_BYTES):
                    self._waiting = self._waiting[count:]
                    return batch
                batch.append((raw, done))
        self._waiting = []
        return batch


def _each(error: BulkWriteError, count: int) -> dict[int, BaseException]:
    """The error of each document that failed, by its place in the batch."""
    if error.details["writeConcernErrors"]:
        return dict.fromkeys(range(count), error)
    errors: dict[int, BaseException] = {}
    for one in error.details["writeErrors"]:
        kind = DuplicateKeyError if one["code"] == 11000 else OperationFailure
        errors[one["index"]] = kind(one["errmsg"], one["code"], one)
    return errors
