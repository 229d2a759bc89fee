"""A full backup: every document of the database as it was at one moment, while writers go on."""

from collections.abc import AsyncIterator
from datetime import UTC
from typing import Any

import structlog
from bson import Timestamp
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import OperationFailure

from app.core import database
from app.core.backups.archive import Archive
from app.core.backups.catalog import Declared, declared
from app.core.backups.claim import UNFINISHED
from app.core.backups.documents import RAW
from app.core.backups.errors import BackupError, permitted
from app.core.backups.manifest import FOLDER, Manifest, Part, name_of
from app.core.backups.origin import check_origin
from app.core.backups.progress import Announce

READ_BYTES = 4 << 20
TRIES = 3
_NAMESPACE_NOT_FOUND, _QUERY_PLAN_KILLED, _SNAPSHOT_TOO_OLD, _SNAPSHOT_UNAVAILABLE = 26, 175, 239, 246
_COLLECTIONS_CHANGED = {_NAMESPACE_NOT_FOUND, _QUERY_PLAN_KILLED, _SNAPSHOT_UNAVAILABLE}

_log = structlog.stdlib.get_logger(__name__)


async def dump(archive: Archive, announce: Announce) -> Manifest:
    """Store a full backup of the archive's database and answer what it holds. Raises BackupError."""
    replica_set = await check_origin(archive)
    for left in reversed(range(TRIES)):
        try:
            with permitted("backup"):
                return await _dump(archive, replica_set, announce)
        except OperationFailure as error:
            if error.code == _SNAPSHOT_TOO_OLD:
                raise BackupError(
                    "The snapshot grew too old before everything was read: raise MongoDB's parameter "
                    "minSnapshotHistoryWindowInSeconds above the time that a backup takes."
                ) from error
            if error.code not in _COLLECTIONS_CHANGED or not left:
                raise
            _log.warning("backup_begins_again", error=repr(error)[:300])
    raise AssertionError


async def _dump(archive: Archive, replica_set: str, announce: Announce) -> Manifest:
    source = database.client().get_database(archive.database)
    async with database.client().start_session(causal_consistency=False) as session:
        collections = await declared(source)
        if not collections:
            raise BackupError(f"The database {archive.database} is empty: there is nothing to back up.")
        if any(one.name == UNFINISHED for one in collections):
            raise BackupError(f"The database {archive.database} was not restored to the end: there is no sense in it.")
        snapshot = await _moment(collections[0], archive.database, session)
        at = (await source.command("hello"))["localTime"].replace(tzinfo=UTC)
        if await declared(source) != collections:  # only the present catalog can be read, not that of the snapshot
            raise OperationFailure("the collections changed", code=_SNAPSHOT_UNAVAILABLE)
        name = name_of(snapshot, at)
        total, done, parts = sum([await source[one.name].estimated_document_count() for one in collections]), 0, []
        for number, collection in enumerate(collections, 1):
            reading = _Reading(collection.name, done, total, announce)
            object = f"{FOLDER}{name}/{number:04}"
            stored = await archive.write(object, reading.pieces(archive.database, snapshot, session))
            parts.append(
                Part(
                    collection=collection.name,
                    options=collection.options,
                    indexes=collection.indexes,
                    object=object,
                    size=stored.size,
                    sha256=stored.sha256,
                    documents=reading.documents,
                    bytes=reading.bytes,
                )
            )
            done += reading.documents
    server = str((await source.command("buildInfo"))["version"])
    manifest = Manifest(name, archive.database, snapshot, at, server, replica_set, tuple(parts))
    await manifest.store(archive)
    return manifest


def consistently(moment: Timestamp | None = None) -> dict[str, Any]:
    """The part of a command that makes it read one moment; the server chooses it when none is given."""
    return {"readConcern": {"level": "snapshot", **({"atClusterTime": moment} if moment else {})}}


async def _moment(collection: Declared, name: str, session: AsyncClientSession) -> Timestamp:
    look = {"find": collection.name, "limit": 1, "singleBatch": True, **consistently()}
    answer = await database.client()[name].command(look, session=session)
    moment: Timestamp = answer["cursor"]["atClusterTime"]
    return moment


class _Reading:
    """Reads one collection and counts what it read."""

    def __init__(self, collection: str, before: int, total: int, announce: Announce) -> None:
        self._collection, self._before, self._total, self._announce = collection, before, total, announce
        self.documents = self.bytes = 0

    async def pieces(self, name: str, snapshot: Timestamp, session: AsyncClientSession) -> AsyncIterator[bytes]:
        source: AsyncDatabase[Any] = database.client().get_database(name, RAW)
        find = {"find": self._collection, "batchSize": 100_000, **consistently(snapshot)}
        piece: list[bytes] = []
        size = 0
        # The first batch obeys the command's codec, those that follow the database's.
        async for document in await source.cursor_command(find, session=session, codec_options=RAW):
            piece.append(document.raw)
            size += len(document.raw)
            self.documents += 1
            if size >= READ_BYTES:
                yield b"".join(piece)
                await self._count(size)
                piece, size = [], 0
        yield b"".join(piece)
        await self._count(size)

    async def _count(self, size: int) -> None:
        self.bytes += size
        await self._announce(self._collection, min(self._before + self.documents, self._total), self._total)
