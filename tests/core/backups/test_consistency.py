"""B1 and B2: backups of a database that never rests."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from bson import Timestamp
from pymongo.asynchronous.database import AsyncDatabase

from app.core import backups, database
from app.core.backups import Archive, tailing
from app.core.backups.progress import silently
from app.core.backups.segments import stored
from app.core.backups.tailing import Tail
from app.core.changes import Sequencer, log
from app.core.database import Document
from app.core.tasks import end
from tests.core.backups import bank

Restore = Callable[..., Awaitable[AsyncDatabase[Document]]]


@pytest.fixture
async def numbered(living: AsyncDatabase[Document]) -> AsyncIterator[AsyncDatabase[Document]]:
    """The living database, with a bank and a sequencer."""
    task = asyncio.create_task(Sequencer().run())
    await bank.open_bank()
    yield living
    await end(task)


async def test_b1_a_backup_under_load_shows_one_moment(
    archive: Archive, numbered: AsyncDatabase[Document], restored: Restore
) -> None:
    async with bank.busy(1) as notes:
        manifest = await backups.dump(archive, silently)
    copy = await restored()
    assert await bank.disagreements(copy) == []
    assert await bank.indexes(copy) == await bank.indexes(numbered)
    assert notes.transfers > 0
    held = {part.collection: part.documents for part in manifest.parts}
    assert held["transfers"] == await copy.transfers.count_documents({})


async def test_b1_without_the_snapshot_it_does_not(
    archive: Archive, numbered: AsyncDatabase[Document], restored: Restore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: the check above can fail."""
    consistently = backups.dumping.consistently

    def carelessly(moment: Timestamp | None = None) -> dict[str, Any]:
        return {} if moment else consistently()

    monkeypatch.setattr(backups.dumping, "consistently", carelessly)
    reading = archive.write

    async def slowly(*arguments: Any) -> Any:
        await asyncio.sleep(0.05)
        return await reading(*arguments)

    monkeypatch.setattr(archive, "write", slowly)
    async with bank.busy(1):
        await backups.dump(archive, silently)
    assert await bank.disagreements(await restored()) != []


@pytest.mark.parametrize("seed", [1, 2])
async def test_b2_any_moment_of_the_load_comes_back(
    archive: Archive,
    numbered: AsyncDatabase[Document],
    restored: Restore,
    monkeypatch: pytest.MonkeyPatch,
    seed: int,
) -> None:
    monkeypatch.setattr(tailing, "EVERY", 0.2)
    following, chance, moments = asyncio.create_task(Tail(archive).run()), random.Random(seed), []
    async with bank.busy(seed) as notes:
        while not await backups.finished(archive):
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.1)
        for _ in range(3):
            await asyncio.sleep(chance.random())
            moments.append(datetime.now(UTC))
        await asyncio.sleep(0.2)
    await asyncio.sleep(1)  # the sequencer numbers
    await end(following)
    await tailing.advance(archive, (await stored(archive))[-1].end)
    for moment in moments:
        copy = await restored(at=moment)
        assert await bank.disagreements(copy) == []
        for number in range(bank.COUNTERS):
            row = await copy.counters.find_one({"_id": number})
            at_least, at_most = notes.steps_until(number, moment.timestamp())
            assert row
            assert at_least <= len(row["steps"]) <= at_most
        await numbers_every_event_once(copy)
    whole = await restored()
    assert await bank.hashes(whole) == await bank.hashes(numbered)
    assert await bank.indexes(whole) == await bank.indexes(numbered)


async def numbers_every_event_once(copy: AsyncDatabase[Document]) -> None:
    """The log has no hole, tells each thing once and in order, and nothing but what the documents show."""
    with database.using(copy.name):
        floor = (await log.state()).floor
    rows = await copy.log.find().sort("_id", 1).to_list()
    assert [row["_id"] for row in rows] == list(range(floor + 1, floor + 1 + len(rows)))
    told = Counter(row["d"]["transfer"] for row in rows if row["t"] == "BankMoneyMoved.1")
    assert told == Counter([row["_id"] async for row in copy.transfers.find()])
    for number in range(bank.COUNTERS):
        steps = [row["d"]["step"] for row in rows if row["t"] == "BankStepMade.1" and row["d"]["counter"] == number]
        row = await copy.counters.find_one({"_id": number})
        assert row
        assert steps == row["steps"]
