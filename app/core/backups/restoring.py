"""Restores a database from a full backup and the segments after it, to a moment, into a database that is empty."""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pymongo
from bson import encode
from bson.raw_bson import RawBSONDocument
from pymongo.asynchronous.database import AsyncDatabase

from app.core import changes, database
from app.core.backups.archive import Archive
from app.core.backups.catalog import declared
from app.core.backups.claim import UNFINISHED, claimed
from app.core.backups.destroyed import destroyed
from app.core.backups.documents import documents
from app.core.backups.errors import BackupError, refusals
from app.core.backups.expiry import Expiry
from app.core.backups.invariants import Check, log_is_whole
from app.core.backups.manifest import Part
from app.core.backups.oplog import Transactions, wall
from app.core.backups.plans import Plan, plan
from app.core.backups.progress import Announce
from app.core.backups.replay import LONG, Replay
from app.core.backups.tailing import begin_with_a_full_backup
from app.core.backups.unnumbered import Unnumbered
from app.core.changes.log import LOG, SEQUENCER
from app.core.database import Document

Forget = Callable[[set[str]], Awaitable[None]]
"""Lets what belongs to these owners of data keys go from the process's database again."""

_NAME = re.compile(r"[A-Za-z0-9_-]{1,63}")
_SCRATCH = re.compile(r".*_drill_[0-9a-f]{8}")


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did. `until`: the server's clock at the newest entry that was applied."""

    database: str
    documents: int
    operations: int
    until: datetime


async def restore(
    archive: Archive,
    target: str,
    at: datetime | None,
    announce: Announce,
    checks: Sequence[Check] = (),
    *,
    base: str | None = None,
    forget: Forget | None = None,
) -> Restored:
    """Restore into `target`, which must be empty, and check the result. Raises BackupError; nothing else is touched.

    The database begins a new epoch: cursors of clients are refused openly, and leases of then are given up. `base`
    names the full backup to begin with, if the newest that fits is damaged. `forget` is called with those whose data
    keys were destroyed by the newest moment there is, before the database can be used.
    """
    if not _NAME.fullmatch(target):
        raise BackupError(f"“{target}” cannot be a database's name: use letters, digits, - and _.")
    if _SCRATCH.fullmatch(target):
        raise BackupError(f"“{target}” is how drills call their copies, which are dropped: choose another name.")
    chosen = await plan(archive, at, base)
    fresh = database.client().get_database(target)
    with refusals("restore"):
        async with claimed(fresh) as claim:
            restored, wrong = await _restore(archive, chosen, fresh, announce, checks)
            if wrong:
                await claim.refuse(wrong)
                raise _not_sound(wrong)
            if forget:
                with database.using(target), pymongo.timeout(LONG):
                    await forget(await destroyed(archive, announce))
            if target == archive.database:
                await begin_with_a_full_backup(fresh)
            await claim.complete()
    return restored


async def rehearse(archive: Archive, scratch: str, announce: Announce, checks: Sequence[Check] = ()) -> Restored:
    """Restore the newest backup, check it, and drop it again. Raises BackupError."""
    chosen = await plan(archive, None)
    fresh = database.client().get_database(scratch)
    with refusals("drill"):
        async with claimed(fresh, drill=True) as claim:
            try:
                restored, wrong = await _restore(archive, chosen, fresh, announce, checks)
            finally:
                await claim.discard()
    if wrong:
        raise _not_sound(wrong)
    return restored


async def _restore(
    archive: Archive, chosen: Plan, fresh: AsyncDatabase[Document], announce: Announce, checks: Sequence[Check]
) -> tuple[Restored, list[str]]:
    """The second tells what is wrong with the result."""
    expiry = Expiry()
    await _load(archive, chosen, fresh, expiry, announce)
    operations, until, unnumbered = await _replay(archive, chosen, fresh, expiry, announce)
    with database.using(fresh.name), pymongo.timeout(LONG):
        await unnumbered.number()
        await changes.begin_epoch()
        wrong = [line for check in (log_is_whole, *checks) for line in await check()]
    if not wrong:
        await expiry.put_in_force(fresh)
    return Restored(fresh.name, chosen.manifest.documents, operations, until), wrong


def _not_sound(wrong: Sequence[str]) -> BackupError:
    return BackupError(f"The restored database is not sound: {'; '.join(wrong)}.")


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
    async for entry in chosen.entries(archive, announce, await _numbered_until(fresh) or until):
        for operation in transactions.operations(entry):
            unnumbered.follow(operation)
            if entry["ts"] > chosen.manifest.snapshot:
                await replay.apply(operation, wall(entry))
        until = max(until, wall(entry))
    await replay.end()
    return replay.applied, until, unnumbered


async def _numbered_until(fresh: AsyncDatabase[Document]) -> datetime | None:
    """Up to where the sequencer had read the oplog when the snapshot was taken."""
    row = await fresh[SEQUENCER].find_one({"_id": LOG})
    return row["seen"].replace(tzinfo=UTC) if row else None
