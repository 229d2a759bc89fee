"""Runs what the database does not have yet: numbered migrations in order, then the indexes that documents declare."""

import hashlib
import pkgutil
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from importlib import import_module

from beanie import init_beanie
from bson import json_util
from pymongo import IndexModel
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import OperationFailure

from app import migrations as package
from app.core import changes, clock, leases
from app.core.database import Document, database
from app.models import DOCUMENTS

MIGRATIONS = "migrations"
"""The collection: one row `{_id: name, at}` for each that ran, and the row of the lease that one runner holds."""

_NAME = re.compile(r"m\d{4}_\w+")
_LEASE = "lease"
_INDEXES = "indexes"
_DECLARED_ANEW = (85, 86)
"""MongoDB's IndexOptionsConflict and IndexKeySpecsConflict."""

Announce = Callable[[str, int, int], None]
"""Told before each step: its name, how many are done, how many there are."""


class MigrationsRun(Exception):
    """Another process runs the migrations at this moment."""


class MigrationsPending(Exception):
    """The database has not had every migration of this release: run `atrium migrate`."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One step. `fingerprint` tells apart the versions of a step that runs whenever its content changed."""

    name: str
    up: Callable[[AsyncDatabase[Document]], Awaitable[None]]
    fingerprint: str = ""


def released() -> list[Migration]:
    """Every migration of this release, in order."""
    names = sorted(m.name for m in pkgutil.iter_modules(package.__path__) if _NAME.fullmatch(m.name))
    numbered = [Migration(name, import_module(f"{package.__name__}.{name}").up) for name in names]
    return [*numbered, Migration(_INDEXES, _build_indexes, _index_fingerprint())]


async def pending(migrations: Sequence[Migration] | None = None) -> list[Migration]:
    """Those that this database has not had. What a newer release ran does not matter."""
    rows = database()[MIGRATIONS].find({"at": {"$exists": True}})
    ran = {row["_id"]: row["fingerprint"] async for row in rows}
    return [m for m in (released() if migrations is None else migrations) if ran.get(m.name) != m.fingerprint]


async def check() -> None:
    """Raises MigrationsPending."""
    if left := await pending():
        names = ", ".join(m.name for m in left)
        raise MigrationsPending(f"The database lacks migrations of this release ({names}). Run: atrium migrate")


async def run(announce: Announce, migrations: Sequence[Migration] | None = None) -> int:
    """Run what is pending and answer how many that were. Raises MigrationsRun when another process is at it."""
    me, steps, done = leases.new_owner(), await pending(migrations), 0

    async def work() -> None:
        nonlocal done
        for step in steps:
            announce(step.name, done, len(steps))
            await step.up(database())
            row = {"at": clock.now(), "fingerprint": step.fingerprint}
            await database()[MIGRATIONS].update_one({"_id": step.name}, {"$set": row}, upsert=True)
            done += 1

    try:
        if await leases.take(MIGRATIONS, _LEASE, me):
            steps = await pending(migrations)
            await leases.hold(MIGRATIONS, _LEASE, me, work())
    finally:
        await leases.give_back(MIGRATIONS, _LEASE, me)
    if done < len(steps):
        raise MigrationsRun("Another process is running the migrations; try again when it is done.")
    return done


async def init_documents() -> None:
    """Make Beanie's documents usable in this process; indexes are the migrations' affair."""
    await init_beanie(database=database(), document_models=DOCUMENTS, skip_indexes=True)


async def _build_indexes(database: AsyncDatabase[Document]) -> None:
    await changes.prepare()
    await build_indexes(database)


async def build_indexes(database: AsyncDatabase[Document]) -> None:
    """Build those that documents declare.

    Beanie's own building takes two indexes of the same fields in another order for one, and leaves one out.
    """
    for name, indexes in _declared().items():
        await _build(database[name], indexes)


async def _build(collection: AsyncCollection[Document], indexes: Sequence[IndexModel]) -> None:
    """Build indexes, in place of those that an older release declared otherwise under the same name."""
    try:
        await collection.create_indexes(indexes)
    except OperationFailure as error:
        if error.code not in _DECLARED_ANEW:
            raise
        if len(indexes) == 1:
            await collection.drop_index(indexes[0].document["name"])
        for index in indexes:
            await _build(collection, [index])


def _declared() -> dict[str, list[IndexModel]]:
    """The indexes in `Settings` of each document, by collection."""
    all = {model.collection: getattr(model.Settings, "indexes", None) for model in DOCUMENTS}
    return {name: indexes for name, indexes in all.items() if indexes}


def _index_fingerprint() -> str:
    declared = [[name, *(index.document for index in indexes)] for name, indexes in sorted(_declared().items())]
    return hashlib.sha256(json_util.dumps(declared).encode()).hexdigest()[:16]
