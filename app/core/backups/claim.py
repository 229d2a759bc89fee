"""The claim of a restore on its database: nobody serves it meanwhile, and nobody else restores into it.

    restoring  {_id: "restore", token, until, drill} and, when the copy failed its checks, wrong: [sentence]

It goes when the restore is complete. What it leaves behind otherwise is no database but a half of one.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError, PyMongoError

from app.core import database
from app.core.backups.errors import BackupError
from app.core.database import Document
from app.core.tasks import cancelled, end

UNFINISHED = "restoring"
SECONDS, RENEW = 60.0, 10.0
"""Longer than a lease: hours of work are not given up because a disk was busy for some seconds."""

_ID = "restore"
_HELD: dict[str, Any] = {"$add": ["$$NOW", int(SECONDS * 1000)]}
_IS_HELD: dict[str, Any] = {"$gt": ["$until", "$$NOW"]}


class Claim:
    """Of one restore; `token` tells it from every other."""

    def __init__(self, fresh: AsyncDatabase[Document], token: str) -> None:
        self._fresh, self._marks, self._mine = fresh, fresh[UNFINISHED], {"_id": _ID, "token": token}
        self.over = False

    async def complete(self) -> None:
        """The database may be served."""
        self.over = True
        await self._marks.drop()

    async def discard(self) -> None:
        """Drop the database."""
        self.over = True
        await self._fresh.client.drop_database(self._fresh.name)

    async def refuse(self, wrong: Sequence[str]) -> None:
        """The copy is not sound: it is kept for people to look at, and nobody restores over it."""
        await self._marks.update_one(self._mine, {"$set": {"wrong": list(wrong)}})

    async def renew(self) -> bool:
        found = await self._marks.update_one(self._mine, [{"$set": {"until": _HELD}}])
        return found.matched_count == 1

    async def give_back(self) -> None:
        """Let another restore take it at once, if the database can be reached."""
        with suppress(PyMongoError, TimeoutError):
            async with asyncio.timeout(1):
                await self._marks.update_one(self._mine, {"$unset": {"until": ""}})


@asynccontextmanager
async def claimed(fresh: AsyncDatabase[Document], *, drill: bool = False) -> AsyncIterator[Claim]:
    """Hold a database that is empty, or was left by a restore that was interrupted, and is emptied. Raises BackupError.

    The body is cancelled when the claim is lost.
    """
    start = asyncio.get_running_loop().time()
    claim = await _take(fresh, drill)
    try:
        async with asyncio.timeout_at(start + SECONDS) as ending:
            renewing = asyncio.create_task(_keep(claim, ending))
            try:
                yield claim
            finally:
                await end(renewing)
    except TimeoutError as error:
        if not ending.expired():
            raise
        raise BackupError(
            f"MongoDB could not be reached for {SECONDS:.0f} s, or somebody dropped {fresh.name}: restore it again."
        ) from error
    finally:
        await claim.give_back()


async def check() -> None:
    """Raises BackupError when the process's database must not be served."""
    row = await database.collection(UNFINISHED).find_one({"_id": _ID})
    if row is not None:
        name = database.database().name
        raise BackupError(
            f"The database {name} was not restored to the end"
            f"{''.join(f'; {line}' for line in row.get('wrong', ()))}: restore it again, or set MONGODB_DATABASE to "
            "another."
        )


async def abandoned(scratch: AsyncDatabase[Document]) -> bool:
    """Whether it is the copy of a drill that was killed."""
    return await scratch[UNFINISHED].find_one({"_id": _ID, "drill": True, "$expr": {"$not": _IS_HELD}}) is not None


async def _take(fresh: AsyncDatabase[Document], drill: bool) -> Claim:
    before = await fresh[UNFINISHED].find_one({"_id": _ID}, {"token": 1, "wrong": 1, "held": _IS_HELD})
    if before is None and await _others(fresh):
        raise _not_empty(fresh.name)
    if before is not None and "wrong" in before:
        raise BackupError(
            f"The database {fresh.name} was restored and is not sound; it is kept for you to look at. Drop it, or "
            "restore beside it with --database NAME."
        )
    if before is not None and before["held"]:
        raise _busy(fresh.name)
    claim = Claim(fresh, token := secrets.token_hex(8))
    seen = {"_id": _ID, "token": before["token"] if before else None}
    try:
        await fresh[UNFINISHED].update_one(
            seen, [{"$set": {"token": token, "until": _HELD, "drill": drill}}], upsert=True
        )
    except DuplicateKeyError:  # the token is another by now
        raise _busy(fresh.name) from None
    others = await _others(fresh)
    if before is None and others:  # somebody was faster, and is done
        await claim.complete()
        raise _not_empty(fresh.name)
    for name in others:
        await fresh.drop_collection(name)
    return claim


async def _others(fresh: AsyncDatabase[Document]) -> list[str]:
    names = await fresh.list_collection_names()
    return [name for name in names if name != UNFINISHED and not name.startswith("system.")]


def _not_empty(name: str) -> BackupError:
    return BackupError(
        f"The database {name} is not empty. Restore beside it with --database NAME, or stop every process of Atrium "
        "and drop it first."
    )


def _busy(name: str) -> BackupError:
    return BackupError(
        f"Another process restores into {name}, or was killed within the last minute: wait, and try again."
    )


async def _keep(claim: Claim, ending: asyncio.Timeout) -> None:
    clock = asyncio.get_running_loop().time
    while not cancelled():
        await asyncio.sleep(RENEW)
        asked = clock()
        with suppress(PyMongoError):  # tried again, as long as the claim lasts
            if not await claim.renew() and not claim.over:
                ending.reschedule(clock())
                return
            ending.reschedule(asked + SECONDS)
