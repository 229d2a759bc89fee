"""Leases: one process at a time, by the server's clock. A lease saves work; correctness never rests on it alone.

A lease is fields of a document, {owner, until, since, token}. `token` grows with every new owner, so that what a holder
writes can carry it, and one who overslept its lease is refused: see `core.locks`.

A lease ends with its time, or when somebody on the same machine, or in the same container, finds that its owner's
process has ended. One that is frozen has not, and keeps it for its time.
"""

import asyncio
import hashlib
import os
import random
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import structlog
from pymongo import ReturnDocument
from pymongo.errors import PyMongoError

from app.core.database import Document, collection
from app.core.tasks import cancelled, end

SECONDS = 4.0
RENEW = SECONDS / 3
HELD = {"owner": "", "until": "", "since": ""}
"""The fields of a lease that is held, to be unset."""

_log = structlog.stdlib.get_logger(__name__)


class Lost(Exception):
    """A lease ended while it was held: it could not be renewed in time, or somebody else has it."""


def new_owner() -> str:
    """A name for one who takes leases, which tells where it runs: `host:process:place:random`."""
    return f"{socket.gethostname()}:{os.getpid()}:{_place()}:{secrets.token_hex(4)}"


@cache
def _place() -> str:
    """Where process ids mean what they mean here: a namespace of a running kernel. Empty where that has no name."""
    try:
        kernel = Path("/proc/sys/kernel/random/boot_id").read_text()
        namespace = Path("/proc/self/ns/pid").readlink()
    except OSError:
        return ""
    return hashlib.blake2s(f"{kernel} {namespace}".encode(), digest_size=6).hexdigest()


def died(owner: str) -> bool:
    """Whether it is certain that the process of an owner has ended; not of one that is elsewhere, or frozen.

    Nor is it when another process has its id by now, or when nobody has asked yet how it ended.
    """
    match owner.split(":"):
        case [_, process, place, _] if place and place == _place():
            try:
                os.kill(int(process), 0)  # asks whether it is there, and does nothing
            except ProcessLookupError:
                return True
            except OSError:
                return False
    return False


async def take(name: str, id: str, owner: str) -> Document | None:
    """Take or renew the lease in a document for SECONDS; answers the document, None while somebody else holds it.

    Nobody gets one whose document is paused (`paused_at`). `since` is when its owner took it.
    """
    row = await _take(name, id, owner, owner)
    if (other := row.get("owner", owner)) != owner and died(other):
        row = await _take(name, id, owner, other)
    return row if row.get("owner") == owner and "paused_at" not in row else None


async def _take(name: str, id: str, owner: str, of: str) -> Document:
    """Take it if its time is over, or if it is of this owner; answers the document as it is then."""
    mine, free_of = {"$eq": ["$owner", owner]}, {"$eq": ["$owner", of]}
    paused = {"$ne": [{"$type": "$paused_at"}, "missing"]}
    free: dict[str, Any] = {"$and": [{"$not": [paused]}, {"$or": [free_of, {"$lt": ["$until", "$$NOW"]}]}]}
    new = {
        "owner": owner,
        "until": {"$add": ["$$NOW", int(SECONDS * 1000)]},
        "since": {"$cond": [mine, "$since", "$$NOW"]},
        "token": {"$add": [{"$ifNull": ["$token", 0]}, {"$cond": [mine, 0, 1]}]},
    }
    keep = {field: {"$cond": [free, value, f"${field}"]} for field, value in new.items()}
    row = await collection(name).find_one_and_update(
        {"_id": id}, [{"$set": keep}], upsert=True, return_document=ReturnDocument.AFTER
    )
    assert row
    return row


async def give_back(name: str, id: str, owner: str) -> None:
    """End the lease at once if it is still this owner's and the database is there; else it ends by itself."""
    with suppress(PyMongoError, TimeoutError):
        async with asyncio.timeout(1):
            await collection(name).update_one({"_id": id, "owner": owner}, {"$unset": HELD})


@asynccontextmanager
async def kept(name: str, id: str, owner: str, since: float) -> AsyncIterator[asyncio.Timeout]:
    """Renew a lease while the body runs; when it is lost the body is cancelled, and Lost is raised.

    `since` is the loop's time just before the lease was taken. What the body gets tells by `expired()`.
    """
    try:
        async with asyncio.timeout_at(since + SECONDS) as ending:
            renewing = asyncio.create_task(_renew(name, id, owner, since, ending))
            try:
                yield ending
            finally:
                await end(renewing)
    except TimeoutError:
        if not ending.expired():
            raise
    if ending.expired():
        _log.warning("lease_lost", lease=id, of=name)
        raise Lost(f"the lease {id} of {name} ended while it was held")


async def _renew(name: str, id: str, owner: str, since: float, ending: asyncio.Timeout) -> None:
    """Put the end off for as long as the server agrees; what cannot be asked in time is lost."""
    clock = asyncio.get_running_loop().time
    while not ending.expired():
        await asyncio.sleep(since + RENEW - clock())
        asked = clock()
        try:
            held = await take(name, id, owner)
        except PyMongoError as error:
            _log.warning("lease_not_renewed", lease=id, of=name, error=repr(error)[:300])
            since = asked
            continue
        if not ending.expired():
            try:
                ending.reschedule(asked + SECONDS if held else asked)
            except RuntimeError:  # the body was cancelled twice, and has ended without waiting for this
                return
        since = asked


async def hold(name: str, id: str, owner: str, *work: Coroutine[Any, Any, None]) -> None:
    """Run loops side by side while a lease that was taken is renewed.

    Returns when the lease is lost or one of the loops returns; raises what the first of them raised. The others are
    cancelled.
    """
    tasks = [asyncio.create_task(loop) for loop in work]
    done: set[asyncio.Task[None]] = set()
    try:
        with suppress(Lost):
            async with kept(name, id, owner, asyncio.get_running_loop().time() - RENEW):
                if not cancelled():
                    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await end(*tasks)
    for task in done:
        task.result()


async def lead(
    name: str,
    id: str,
    owner: str,
    work: Callable[[Document], Awaitable[None]],
    failed: Callable[[Exception], Awaitable[float | None]],
    *,
    pause: float,
    longest: float,
) -> None:
    """Work whenever no other owner does, for ever; cancel it to hand over at once.

    `work` is given the document of the lease that was taken, and is to `hold` it. It is asked for again about `pause`
    seconds after it returned, or was not this one's. After a failure they double, up to `longest`, or are what `failed`
    answers.
    """
    rest = pause
    try:
        while not cancelled():
            try:
                if (row := await take(name, id, owner)) is not None:
                    await work(row)
                rest = pause
            except Exception as error:  # whatever it is, begin again
                rest = await failed(error) or min(rest * 2, longest)
            await asyncio.sleep(rest * (0.75 + random.random() / 2))  # noqa: S311 - jitter
    finally:
        await give_back(name, id, owner)
