"""R31: readers that come back with their cursor skip nothing while two processes write to one stream."""

import asyncio
import os
import random
import sys
from pathlib import Path

from pymongo.asynchronous.database import AsyncDatabase

from app.core.changes import Hub
from app.core.database import Document

ROOT = Path(__file__).parents[3]
PROCESSES, SENDERS, MESSAGES = 2, 8, 600


async def start(name: str) -> asyncio.subprocess.Process:
    command = [sys.executable, "-m", "tests.core.changes.sender", os.environ["MONGODB_URI"], name]
    return await asyncio.create_subprocess_exec(
        *command, str(SENDERS), str(MESSAGES), cwd=ROOT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )


async def read(hub: Hub, visit: int) -> list[str]:
    """Every message, read in visits of 1 to so many."""
    chance = random.Random(visit)
    found: list[str] = []
    position = 0
    while len(found) < PROCESSES * SENDERS * MESSAGES:
        async with hub.follow(["c:hot"], position) as feed:
            for _ in range(min(chance.randint(1, visit), PROCESSES * SENDERS * MESSAGES - len(found))):
                change = await anext(feed)
                found.append(str(change.id))
                position = change.position
    return found


async def test_r31_sixteen_senders_in_two_processes_and_nothing_is_skipped(
    hub: Hub, empty: AsyncDatabase[Document]
) -> None:
    senders = [await start(empty.name) for _ in range(PROCESSES)]
    visits = (200, 2_000, 10**9)
    async with asyncio.timeout(90):
        readers = [asyncio.create_task(read(hub, visit)) for visit in visits]
        answers = await asyncio.gather(*(sender.communicate(b"begin\n") for sender in senders))
        assert [sender.returncode for sender in senders] == [0] * PROCESSES
        acknowledged = [id for out, _ in answers for id in out.decode().split()]
        found = await asyncio.gather(*readers)
    order = [str(row["e"]) async for row in empty.log.find({"s": "c:hot"}).sort("_id", 1)]
    assert len(order) == len(acknowledged) == PROCESSES * SENDERS * MESSAGES
    assert set(order) == set(acknowledged)
    for visit, one in zip(visits, found, strict=True):
        assert one == order, f"skipped, repeated or out of order in visits of {visit}"
