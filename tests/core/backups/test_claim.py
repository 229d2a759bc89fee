"""Only what a restore left behind is emptied, by one restore at a time, and nobody serves it meanwhile."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from bson import Binary, ObjectId, encode
from pymongo.asynchronous.database import AsyncDatabase

from app.core import backups, database
from app.core.backups import Archive, BackupError, claim, tailing
from app.core.backups.claim import claimed
from app.core.backups.manifest import finished
from app.core.backups.progress import silently
from app.core.backups.tailing import Tail, advance, beginning
from app.core.changes.envelope import FIELD
from app.core.clock import now
from app.core.database import Document
from app.core.tasks import end
from app.startup import preparation
from tests.core.backups import bank


async def test_a_database_restored_in_place_is_restored_again(
    archive: Archive, living: AsyncDatabase[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tailing, "EVERY", 0.1)
    position = await beginning()
    await living.things.insert_one({"_id": 1})
    await backups.dump(archive, silently)
    position = await advance(archive, position)
    await living.client.drop_database(living.name)
    await backups.restore(archive, living.name, None, silently)
    await living.things.insert_one({"_id": 2})
    position = await advance(archive, position)
    copy = f"{living.name}_copy"
    await backups.restore(archive, copy, None, silently)
    assert await living.client[copy].things.distinct("_id") == [1, 2]
    before = len(await finished(archive))
    following = asyncio.create_task(Tail(archive).run())
    async with asyncio.timeout(90):
        while len(await finished(archive)) == before:
            await asyncio.sleep(0.05)
    await end(following)
    await backups.drill(archive, silently)


async def test_events_of_long_ago_are_not_numbered_again(archive: Archive, living: AsyncDatabase[Document]) -> None:
    """A restore in place inserts documents anew, which carry events that the log had and forgot."""
    event = bank.BankStepMade(bank.ACTOR, counter=1, step=1).row()
    event["e"] = ObjectId.from_datetime(now() - timedelta(days=9))
    await living.counters.insert_one({"_id": 1, FIELD: Binary(encode({"v": [event]}))})
    position = await beginning()
    await backups.dump(archive, silently)
    await living.client.drop_database(living.name)
    await backups.restore(archive, living.name, None, silently)
    await advance(archive, position)
    copy = living.client[f"{living.name}_copy"]
    await backups.restore(archive, copy.name, None, silently)
    assert await copy.counters.count_documents({}) == 1
    assert await copy.log.count_documents({}) == 0


async def test_no_moment_within_a_restore_is_restored(archive: Archive, living: AsyncDatabase[Document]) -> None:
    position = await beginning()
    await backups.dump(archive, silently)
    await living.client.drop_database(living.name)
    with pytest.raises(RuntimeError, match="interrupted"):
        async with claimed(living):
            await living.things.insert_one({"_id": 1})
            raise RuntimeError("interrupted")
    await advance(archive, position)
    with pytest.raises(BackupError, match=r"was being restored itself since 20.*: restore to before that with --at"):
        await backups.restore(archive, f"{living.name}_copy", None, silently)


async def test_two_restores_at_once_refuse_each_other(archive: Archive, living: AsyncDatabase[Document]) -> None:
    await backups.dump(archive, silently)
    copy = living.client[f"{living.name}_copy"]
    async with claimed(copy):
        await copy.things.insert_one({"_id": "of the first"})
        with pytest.raises(BackupError, match="Another process restores into"):
            await backups.restore(archive, copy.name, None, silently)
        assert await copy.things.count_documents({}) == 1
    outcomes: list[Any] = await asyncio.gather(
        *(backups.restore(archive, copy.name, None, silently) for _ in range(3)), return_exceptions=True
    )
    assert len([one for one in outcomes if isinstance(one, backups.Restored)]) == 1
    assert len([one for one in outcomes if isinstance(one, BackupError)]) == 2


async def test_a_restore_ends_when_its_claim_is_lost(
    living: AsyncDatabase[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claim, "RENEW", 0.05)
    copy = living.client[f"{living.name}_copy"]
    with pytest.raises(BackupError, match=f"or somebody dropped {copy.name}"):
        async with claimed(copy):
            await living.client.drop_database(copy.name)
            await asyncio.sleep(60)


async def test_what_is_not_sound_is_kept(archive: Archive, living: AsyncDatabase[Document]) -> None:
    await living.things.insert_one({"_id": 1})
    await backups.dump(archive, silently)
    copy = living.client[f"{living.name}_copy"]

    async def check() -> list[str]:
        return ["the books do not balance"]

    with pytest.raises(BackupError, match="not sound"):
        await backups.restore(archive, copy.name, None, silently, [check])
    with pytest.raises(BackupError, match="is not sound; it is kept for you to look at"):
        await backups.restore(archive, copy.name, None, silently)
    assert await copy.things.count_documents({}) == 1
    _, do = preparation([])[0]
    with database.using(copy.name), pytest.raises(BackupError, match="not restored to the end; the books do not"):
        await do()
    with pytest.raises(BackupError, match="was not restored to the end"):
        await backups.dump(Archive(archive.url, copy.name, archive.keys), silently)
