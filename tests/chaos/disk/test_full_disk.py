"""The disk is full: nothing that was acknowledged is lost, and all goes on when there is space again."""

import asyncio
import os
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import pytest
from bson import ObjectId

from app.core import changes, database
from app.core.actor import Actor
from app.core.changes import Event, Sequencer, log
from app.core.clock import new_id
from app.core.rows import Row
from app.core.tasks import end
from tests.faults.disks import MongoOnDisk, SmallDisk
from tests.faults.histories import History, Outcome

ACTOR = Actor(ObjectId("0" * 24))
WRITERS = 8
MIB = 400
BYTES = 100_000


@dataclass(kw_only=True)
class Large(Row):
    """So much that nothing of it fits where there is no space."""

    collection: ClassVar[str] = "large"
    id: ObjectId = field(default_factory=new_id)
    key: str
    bytes: bytes


@dataclass(frozen=True, kw_only=True)
class LargeStored(Event):
    key: str

    def feeds(self) -> list[str]:
        return ["disk"]


async def write(client: str, history: History, stop: asyncio.Event) -> None:
    number = 0
    while not stop.is_set():
        key, number = f"{client}/{number}", number + 1
        row, event = Large(key=key, bytes=os.urandom(BYTES)), LargeStored(ACTOR, key=key)
        await history.run(client, key, lambda row=row, event=event: changes.insert(row, event))  # type: ignore[misc]
        await asyncio.sleep(random.uniform(0.05, 0.3))


async def until_silent(history: History, mongo: MongoOnDisk) -> None:
    """Until the server has ended, or an attempt has failed."""
    async with asyncio.timeout(90):
        while mongo.process.running and not history.unknown():
            await asyncio.sleep(0.2)


@pytest.mark.timeout(300)
async def test_what_was_acknowledged_outlives_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_client", None)
    history, stop = History(), asyncio.Event()
    with SmallDisk(tmp_path / "disk", MIB) as disk, MongoOnDisk(disk, tmp_path / "mongodb") as mongo:
        database.connect(mongo.uri, "disk", serverSelectionTimeoutMS=2_000)
        await changes.prepare()
        running = asyncio.create_task(Sequencer().run())
        writing = [asyncio.create_task(write(f"writer-{n}", history, stop)) for n in range(WRITERS)]
        await asyncio.sleep(2)
        before = len(history.keys(Outcome.OK))
        disk.fill()
        await until_silent(history, mongo)
        ended = None if mongo.process.running else mongo.process.exit_status
        disk.free()
        mongo.process.kill()
        mongo.start()
        full = len(history.keys(Outcome.OK))
        async with asyncio.timeout(60):
            while len(history.keys(Outcome.OK)) < full + 20:
                await asyncio.sleep(0.2)
        stop.set()
        await asyncio.gather(*writing)
        stored = [row["key"] async for row in database.collection("large").find({}, {"key": 1})]
        async with asyncio.timeout(60):
            while await log.head() < len(stored):
                await asyncio.sleep(0.1)
        await end(running)
        told = await log.read({}, 100_000)
        await database.close()
    print(f"mongod ended with {ended}; {before} acknowledged before, {full - before} at the end; {history.counts()}")
    assert before > 10
    assert ended is not None or history.unknown(), "nobody noticed that the disk was full"
    assert history.problems(stored) == []
    assert history.problems(change.data["key"] for change in told) == []
    assert [change.position for change in told] == list(range(1, len(told) + 1))
