from collections.abc import Awaitable, Callable

from pymongo.asynchronous.database import AsyncDatabase

from app.core import backups
from app.core.backups import Archive
from app.core.backups.progress import silently
from app.core.backups.tailing import advance, beginning
from app.core.clock import now
from app.core.database import Document

Restore = Callable[..., Awaitable[AsyncDatabase[Document]]]


async def test_a_full_backup_comes_back_with_options_and_indexes(
    archive: Archive, living: AsyncDatabase[Document], restored: Restore
) -> None:
    await living.things.insert_many([{"_id": n, "text": "x" * 300} for n in range(20_000)])
    await living.things.create_index([("text", 1), ("_id", -1)], partialFilterExpression={"text": {"$gt": ""}})
    await living.things.create_index("at", partialFilterExpression={"at": {"$gt": now()}})
    await living.create_collection("empty")
    manifest = await backups.dump(archive, silently)
    copy = await restored()
    assert (await copy.command("dbHash", collections=["things", "empty"]))["md5"] == (
        await living.command("dbHash", collections=["things", "empty"])
    )["md5"]
    assert manifest.documents == 20_001
    assert await copy.things.index_information() == await living.things.index_information()
    assert (await copy.log.options()) == (await living.log.options())
    assert set(await copy.list_collection_names()) == set(await living.list_collection_names())


async def test_what_happened_since_is_replayed(
    archive: Archive, living: AsyncDatabase[Document], restored: Restore
) -> None:
    position = await beginning()
    await living.things.insert_many([{"_id": n, "list": [1, 2, 3], "deep": {"a": 1}} for n in range(100)])
    await backups.dump(archive, silently)
    await living.things.update_many({}, {"$set": {"list.1": 9, "deep.b": 2}, "$inc": {"deep.a": 1}})
    await living.things.delete_many({"_id": {"$lt": 10}})
    await living.things.replace_one({"_id": 50}, {"whole": True})
    await living.things.create_index("deep.a")
    await living.create_collection("other", validator={"n": {"$ne": 3}})
    await living.other.rename("another")
    await living.client[f"{living.name}_other"].create_collection("things")
    async with living.client.start_session() as session, await session.start_transaction():
        await living.client[f"{living.name}_other"].things.insert_one({"_id": "of another"}, session=session)
        await living.another.insert_one({"_id": 1}, session=session)
        await living.big.insert_many([{"_id": n, "x": b"x" * 6_000_000} for n in range(3)], session=session)
        await living.things.delete_one({"_id": 99}, session=session)
    await advance(archive, position)
    copy = await restored()
    kept = ["things", "another", "big"]
    assert (await copy.command("dbHash", collections=kept))["md5"] == (
        await living.command("dbHash", collections=kept)
    )["md5"]
    assert await copy.things.index_information() == await living.things.index_information()
    assert await copy.another.options() == await living.another.options()
