"""A bank at work, a tail that is killed again and again, a database that is lost, and what comes back."""

import asyncio
import random
import signal
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from pymongo.asynchronous.database import AsyncDatabase

from app.core import backups, changes, database
from app.core.backups import Archive
from app.core.backups.keys import Key, Keys
from app.core.backups.manifest import finished
from app.core.backups.progress import silently
from app.core.backups.segments import stored
from app.core.backups.tailing import advance
from app.core.changes import Sequencer
from app.core.database import Document
from app.core.tasks import end
from app.dev.embedded import EmbeddedMongo
from tests.core.backups import bank

KEYS = Keys(Key(b"chaos" + bytes(27)))
NAME, EVERY = "bank", 15.0


@dataclass
class Outcome:
    """Of one round. `rpo` and `rto` in seconds: what the loss took with it, and how long the last restore took."""

    kills: int = 0
    transfers: int = 0
    steps: int = 0
    moments: int = 0
    rpo: float = 0.0
    rto: float = 0.0
    wrong: list[str] = field(default_factory=list)


async def run(directory: Path, seed: int, seconds: float, every: float = EVERY) -> Outcome:
    """One round, which lasts longer than `seconds` by what the restores take."""
    outcome, chance = Outcome(), random.Random(seed)
    with EmbeddedMongo(directory / "mongodb") as mongo:
        database.connect(mongo.uri, NAME)
        archive = Archive(f"file://{directory}/backups", NAME, KEYS)
        await changes.prepare()
        await bank.open_bank()
        numbering = asyncio.create_task(Sequencer().run())
        try:
            await _round(archive, mongo.uri, chance, seconds, every, outcome)
        finally:
            await end(numbering)
            await database.close()
    return outcome


async def _round(
    archive: Archive, uri: str, chance: random.Random, seconds: float, every: float, outcome: Outcome
) -> None:
    moments: list[datetime] = []
    async with bank.busy(chance.randrange(10**6)) as notes:
        tail = await _tail(uri, archive.url, every)
        while not (await finished(archive) and await stored(archive)):  # a tail killed before begins anew
            await asyncio.sleep(0.2)
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            await asyncio.sleep(chance.uniform(1, 2 * every))
            moments.append(datetime.now(UTC))
            if chance.random() < 0.7:
                tail.send_signal(signal.SIGKILL)
                await tail.wait()
                outcome.kills += 1
                tail = await _tail(uri, archive.url, every)
        while (await stored(archive))[-1].until.time <= moments[-1].timestamp() + 1:
            await asyncio.sleep(0.2)  # the lease of a killed one ends, and the next catches up
        await asyncio.sleep(chance.uniform(0, every))
        tail.send_signal(signal.SIGKILL)
        lost = datetime.now(UTC)
        await tail.wait()
    outcome.transfers, outcome.steps = notes.transfers, sum(map(len, notes.steps))
    start = time.monotonic()
    restored = await backups.restore(archive, f"{NAME}_lost", None, silently)
    outcome.rto, outcome.rpo = time.monotonic() - start, (lost - restored.until).total_seconds()
    await _judge(database.client()[restored.database], notes, restored.until, outcome)
    await _compare_at_rest(archive, outcome)  # before what copies write pushes the tail's last place out of the oplog
    for number, moment in enumerate(moments):
        copy = await backups.restore(archive, f"{NAME}_{number}", moment, silently)
        await _judge(database.client()[copy.database], notes, moment, outcome)
        await database.client().drop_database(copy.database)
        outcome.moments += 1


async def _judge(copy: AsyncDatabase[Document], notes: bank.Notes, moment: datetime, outcome: Outcome) -> None:
    outcome.wrong += await bank.disagreements(copy)
    for number in range(bank.COUNTERS):
        row = await copy.counters.find_one({"_id": number})
        at_least, at_most = notes.steps_until(number, moment.timestamp())
        if row is None or not at_least <= len(row["steps"]) <= at_most:
            outcome.wrong.append(f"counter {number} at {moment} is not between {at_least} and {at_most}")


async def _compare_at_rest(archive: Archive, outcome: Outcome) -> None:
    await asyncio.sleep(1)
    await advance(archive, (await stored(archive))[-1].end)
    whole = await backups.restore(archive, f"{NAME}_whole", None, silently)
    living, copy = database.client()[NAME], database.client()[whole.database]
    if await bank.hashes(living) != await bank.hashes(copy):
        outcome.wrong.append("the restored database is not equal to the living one")
    outcome.wrong += (await backups.verify(archive, silently)).wrong


async def _tail(uri: str, url: str, every: float) -> asyncio.subprocess.Process:
    program = [sys.executable, "-m", "tests.chaos.backups.follower", uri, NAME, url, str(every)]
    return await asyncio.create_subprocess_exec(*program, stdout=asyncio.subprocess.DEVNULL)
