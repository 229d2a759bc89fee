"""Leases: one process at a time, by the server's clock. A lease saves work; correctness never rests on it."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from pymongo import ReturnDocument
from pymongo.errors import PyMongoError

from app.core.database import Document, collection
from app.core.tasks import cancelled, end

SECONDS = 4.0
RENEW = SECONDS / 3


async def take(name: str, id: str, owner: str) -> Document | None:
    """Take or renew the lease in a document for SECONDS; answers the document, None while somebody else holds it."""
    free: dict[str, Any] = {"$or": [{"$eq": ["$owner", owner]}, {"$lt": ["$until", "$$NOW"]}]}
    mine = {"owner": owner, "until": {"$add": ["$$NOW", int(SECONDS * 1000)]}}
    keep = {field: {"$cond": [free, value, f"${field}"]} for field, value in mine.items()}
    row = await collection(name).find_one_and_update(
        {"_id": id}, [{"$set": keep}], upsert=True, return_document=ReturnDocument.AFTER
    )
    return row if row and row["owner"] == owner else None


async def give_back(name: str, id: str, owner: str) -> None:
    """End the lease at once if it is still this owner's and the database is there; else it ends by itself."""
    with suppress(PyMongoError, TimeoutError):
        async with asyncio.timeout(1):
            await collection(name).update_one({"_id": id, "owner": owner}, {"$unset": {"owner": "", "until": ""}})


async def hold(name: str, id: str, owner: str, *work: Coroutine[Any, Any, None]) -> None:
    """Run loops side by side while a lease that was taken is renewed.

    Returns when the lease is lost or one of the loops returns; raises what the first of them raised. The others are
    cancelled.
    """

    async def renew() -> None:
        while await take(name, id, owner):  # noqa: ASYNC110 - a rhythm, not a wait
            await asyncio.sleep(RENEW)

    tasks = [asyncio.create_task(loop) for loop in (renew(), *work)]
    done: set[asyncio.Task[None]] = set()
    try:
        if not cancelled():
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await end(*tasks)
    for task in done:
        task.result()
