"""The log as a whole: setting it up, and forgetting its old part."""

import asyncio
from datetime import timedelta

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from app.core import changes
from app.core.changes import Hub, log
from app.core.clock import now
from app.core.database import Document
from app.core.errors import ResyncRequired
from tests.core.changes.notes import EVERYTHING, make, told

Database = AsyncDatabase[Document]


async def age(database: Database, up_to: int, by: timedelta) -> None:
    await database.log.update_many({"_id": {"$lte": up_to}}, {"$set": {"at": now() - by}})


async def test_many_processes_may_prepare_at_once(empty: Database) -> None:
    for name in await empty.list_collection_names():
        await empty.drop_collection(name)
    await asyncio.gather(*(changes.prepare() for _ in range(8)))
    before = await empty.sequencer.find_one({"_id": "log"})
    await changes.prepare()
    assert await empty.sequencer.find_one({"_id": "log"}) == before
    (options,) = [one["options"] async for one in await empty.list_collections(filter={"name": "log"})]
    assert options["clusteredIndex"]["key"] == {"_id": 1}


async def test_an_unprepared_database_says_what_is_missing(empty: Database) -> None:
    await empty.sequencer.delete_many({})
    with pytest.raises(RuntimeError, match=r"prepare\(\)"):
        await Hub().start()


async def test_trim_forgets_what_is_old_and_positions_go_on(hub: Hub, empty: Database) -> None:
    for key in "abc":
        await make(key)
    await told(hub, EVERYTHING)
    await age(empty, 3, timedelta(days=31))
    assert await changes.trim() == 3
    assert await changes.trim() == 3
    assert await empty.log.count_documents({"_id": {"$lte": 3}}) == 0
    for after, refused in ((0, True), (2, True), (3, False)):
        if refused:
            with pytest.raises(ResyncRequired):
                await told(hub, EVERYTHING, after)
        else:
            assert await told(hub, EVERYTHING, after) == []
    await make("d")
    assert [change.position for change in await told(hub, EVERYTHING, after=3)] == [6]


async def test_positions_go_on_after_the_whole_log_was_trimmed(empty: Database) -> None:
    await empty.log.insert_one({"_id": 7, "at": now() - timedelta(days=31)})
    assert await changes.trim() == 7
    assert await empty.log.count_documents({}) == 0
    assert await log.head() == 7


async def test_trim_keeps_what_a_consumer_has_still_to_read(hub: Hub, empty: Database) -> None:
    for key in "abc":
        await make(key)
    await told(hub, EVERYTHING)
    await age(empty, 3, timedelta(days=31))
    await empty.consumers.insert_many([{"_id": "slow", "position": 1}, {"_id": "fast", "position": 3}, {"_id": "new"}])
    assert await changes.trim() == 1
    assert await empty.log.find_one({}, sort=[("_id", 1)], projection={"_id": 1}) == {"_id": 2}


async def test_trim_keeps_two_hours_whatever_it_is_told(hub: Hub, empty: Database) -> None:
    for key in "ab":
        await make(key)
    await told(hub, EVERYTHING)
    await age(empty, 2, timedelta(minutes=119))
    await empty.sequencer.update_one({"_id": "log"}, {"$set": {"seen": now()}})
    assert await changes.trim(timedelta(0)) == 0
    await age(empty, 1, timedelta(minutes=121))
    assert await changes.trim(timedelta(0)) == 1


async def test_trim_waits_for_a_sequencer_that_was_away(empty: Database) -> None:
    """What it has not numbered yet is looked for in the log by id when the oplog was lost."""
    await empty.log.insert_one({"_id": 1, "at": now() - timedelta(days=40)})
    await empty.sequencer.update_one({"_id": "log"}, {"$set": {"seen": now() - timedelta(days=39)}})
    assert await changes.trim() == 0
