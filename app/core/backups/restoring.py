"""Restores a database from a full backup and the segments after it, to a moment, into a database that is empty."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pymongo
from bson import encode
from bson.raw_bson import RawBSONDocument
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import OperationFailure

from app.core import changes, clock, database
from app.core.backups.archive import Archive
from app.core.backups.catalog import declared
from app.core.backups.documents import documents
from app.core.backups.errors import BackupError
from app.core.backups.expiry import Expiry
from app.core.backups.invariants import Check, log_is_whole
from app.core.backups.manifest import Part
from app.core.backups.oplog import Transactions, wall
from app.core.backups.plans import Plan, plan
from app.core.backups.progress import Announce
from app.core.backups.replay import Replay
from app.core.backups.unnumbered import Unnumbered
from app.core.database import Document

UNFINISHED = "restoring"
"""A collection that is there while a restore is not complete; its database may be restored into again."""
LONG = 3600.0
"""Seconds that one command may take on a large collection: building its indexes, counting it, checking it."""

_NAME = re.compile(r"[A-Za-z0-9_-]{1,63}")


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did. `until`: the server's clock at the newest entry that was applied."""

    database: str
    documents: int
    operations: int
    until: datetime


async def restore(
    archive: Archive, target: str, at: datetime | None, announce: Announce, checks: Sequence[Check] = ()
) -> Restored:
    """Restore into `target`, which must be empty, and check the result. Raises BackupError; nothing else is touched.

    The database begins a new epoch: cursors of clients are refused openly, and leases of then are given up.
    """
    if not _NAME.fullmatch(target):
        raise BackupError(f"“{target}” cannot be a database's name: use letters, digits, - and _.")
    chosen = await plan(archive, at)
    fresh = database.client().get_database(target)
    await _claim(fresh)
    try:
        expiry = Expiry()
        await _load(archive, chosen, fresh, expiry, announce)
        operations, until, unnumbered = await _replay(archive, chosen, fresh, expiry, announce)
    except OperationFailure as error:
        raise BackupError(f"The backup does not fit together: {str(error)[:300]}") from error
    with database.using(target), pymongo.timeout(LONG):
        await unnumbered.number()
        await changes.begin_epoch()
        wrong = [line for check in (log_is_whole, *checks) for line in await check()]
    if wrong:
        raise BackupError(f"The restored database is not sound: {'; '.join(wrong)}.")
    await expiry.put_in_force(fresh)
    await fresh.drop_collection(UNFINISHED)
    return Restored(target, chosen.manifest.documents, operations, until)


async def _claim(fresh: AsyncDatabase[Document]) -> None:
    names = [name for name in await fresh.list_collection_names() if not name.startswith("system.")]
    if names and UNFINISHED not in names:
        raise BackupError(
            f"The database {fresh.name} is not empty. Restore beside it with --database NAME, or stop every process of "
            "Atrium and drop it first."
        )
    await fresh.client.drop_database(fresh.name)
    await fresh[UNFINISHED].insert_one({"at": clock.now()})


async def _load(
    archive: Archive, chosen: Plan, fresh: AsyncDatabase[Document], expiry: Expiry, announce: Announce
) -> None:
    total, done = chosen.manifest.documents, 0
    for part in chosen.manifest.parts:
        await announce(part.collection, done, total)
        await fresh.command("create", part.collection, **part.options)
        loaded = 0
        async for batch in documents(archive.read(part.object, part.stored), part.object):
            await _insert(fresh, part.collection, batch)
            loaded += len(batch)
            await announce(part.collection, done + loaded, total)
        done += loaded
        with pymongo.timeout(LONG):  # longer than the connection's own patience
            if part.indexes:
                indexes = [expiry.hold_back(part.collection, index) for index in part.indexes]
                await fresh.command("createIndexes", part.collection, indexes=indexes)
            await _compare(fresh, part, loaded)
    await _compare_catalog(fresh, chosen.manifest.parts)


async def _insert(fresh: AsyncDatabase[Document], collection: str, batch: list[RawBSONDocument]) -> None:
    # Not insert_many, which unpacks every document to see its _id.
    answer = await fresh.command(
        {
            "insert": collection,
            "documents": batch,
            "ordered": False,
            "bypassDocumentValidation": True,
            "writeConcern": {"w": 1},
        }
    )
    if errors := answer.get("writeErrors"):
        raise BackupError(f"{collection} could not be restored: {errors[0]['errmsg'][:200]}")


async def _compare(fresh: AsyncDatabase[Document], part: Part, loaded: int) -> None:
    found = await fresh[part.collection].count_documents({})
    if not found == loaded == part.documents:
        raise BackupError(f"{part.collection} holds {found} documents and should hold {part.documents}.")


async def _compare_catalog(fresh: AsyncDatabase[Document], parts: Sequence[Part]) -> None:
    nothing, found, meant = Expiry(), {}, {}
    for one in await declared(fresh):
        if one.name != UNFINISHED:
            found[one.name] = encode({"options": one.options, "indexes": one.indexes})
    for part in parts:
        indexes = [nothing.hold_back(part.collection, index) for index in part.indexes]
        meant[part.collection] = encode({"options": part.options, "indexes": indexes})
    if different := [name for name in meant if found.get(name) != meant[name]] + list(found.keys() - meant.keys()):
        raise BackupError(f"These collections did not get their options and indexes: {', '.join(different)}.")


async def _replay(
    archive: Archive, chosen: Plan, fresh: AsyncDatabase[Document], expiry: Expiry, announce: Announce
) -> tuple[int, datetime, Unnumbered]:
    source, until = chosen.manifest.database, chosen.manifest.at
    transactions, replay, unnumbered = Transactions(source), Replay(fresh, source, expiry), Unnumbered(source)
    async for entry in chosen.entries(archive, announce):
        for operation in transactions.operations(entry):
            unnumbered.follow(operation)
            if entry["ts"] > chosen.manifest.snapshot:
                await replay.apply(operation)
        until = max(until, wall(entry))
    await replay.flush()
    return replay.applied, until, unnumbered
