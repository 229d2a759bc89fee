"""What a restore refuses, what it leaves behind when it fails, and what it does to the change log."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from app.core import backups, changes, database
from app.core.backups import Archive, BackupError, claim, restoring
from app.core.backups.manifest import Manifest, finished
from app.core.backups.moments import moment, readable
from app.core.backups.progress import silently
from app.core.backups.segments import stored
from app.core.backups.tailing import advance, beginning
from app.core.changes import log
from app.core.clock import now
from app.core.database import Document
from tests.core.backups import bank

Restore = Callable[..., Awaitable[AsyncDatabase[Document]]]


async def test_only_an_empty_database_is_restored_into(archive: Archive, living: AsyncDatabase[Document]) -> None:
    await living.things.insert_one({"_id": 1})
    await backups.dump(archive, silently)
    await living.things.insert_one({"_id": 2})
    with pytest.raises(BackupError, match=f"{living.name} is not empty. Restore beside it with --database NAME"):
        await backups.restore(archive, living.name, None, silently)
    assert await living.things.count_documents({}) == 2


async def test_times_that_no_backup_reaches_are_named(
    archive: Archive, living: AsyncDatabase[Document], restored: Restore
) -> None:
    with pytest.raises(BackupError, match="There is no backup of"):
        await restored()
    position = await beginning()
    early = datetime.now(UTC)
    await asyncio.sleep(0.01)
    first = await backups.dump(archive, silently)
    with pytest.raises(BackupError, match=f"is before the first backup, which is of {readable(first.at)}"):
        await restored(at=early)
    with pytest.raises(BackupError, match="do not reach"):
        await restored(at=first.at + timedelta(milliseconds=1))
    await restored(at=first.at)
    await living.things.insert_one({"_id": 1})
    position = await advance(archive, position)
    [segment] = await stored(archive)
    end = (await segment.heading(archive))["at"]
    await restored(at=end)
    with pytest.raises(BackupError, match=f"go on to {readable(end)} without a gap"):
        await restored(at=end + timedelta(milliseconds=1))


async def test_a_gap_is_never_passed_over(archive: Archive, living: AsyncDatabase[Document], restored: Restore) -> None:
    position = await beginning()
    await backups.dump(archive, silently)
    for number in range(3):
        await living.things.insert_one({"_id": number})
        position = await advance(archive, position)
    segments = await stored(archive)
    await archive.delete([segments[1].name])
    with pytest.raises(BackupError, match="one is missing") as error:
        await restored()
    reaches = moment(str(error.value).rsplit(" ", 1)[1])
    assert await (await restored(at=reaches)).things.count_documents({}) == 1
    with pytest.raises(BackupError, match="do not reach"):
        await restored(at=reaches + timedelta(milliseconds=1))
    await backups.dump(archive, silently)  # from here on there is no gap
    assert await (await restored()).things.count_documents({}) == 3


async def test_an_interrupted_restore_is_run_again(
    archive: Archive, living: AsyncDatabase[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    await living.things.insert_many([{"_id": n} for n in range(100)])
    await backups.dump(archive, silently)
    name, inserting = f"{living.name}_copy", restoring._insert

    async def dying(fresh: Any, collection: str, batch: Any) -> None:
        await inserting(fresh, collection, batch)
        if collection == "things":
            raise asyncio.CancelledError

    monkeypatch.setattr(restoring, "_insert", dying)
    with pytest.raises(asyncio.CancelledError):
        await backups.restore(archive, name, None, silently)
    monkeypatch.undo()
    with database.using(name), pytest.raises(BackupError, match=f"{name} was not restored to the end"):
        await claim.check()
    await backups.restore(archive, name, None, silently)
    assert await living.client[name].things.count_documents({}) == 100
    with database.using(name):
        await claim.check()


async def test_time_limits_wait_until_everything_is_there(
    archive: Archive, living: AsyncDatabase[Document], restored: Restore
) -> None:
    """A TTL index that worked during the replay would delete what the replay still changes."""
    position = await beginning()
    for name in ("first", "second", "third", "fourth", "fifth"):
        await living[name].insert_one({"_id": 1, "at": now()})
    for name in ("first", "second", "third"):
        await living[name].create_index("at", expireAfterSeconds=3_600)
    await backups.dump(archive, silently)
    await living.fourth.create_index("at", expireAfterSeconds=3_600)
    await living.command("collMod", "first", index={"name": "at_1", "expireAfterSeconds": 7_200})
    await living.second.drop_index("at_1")
    await living.third.rename("renamed")
    await living.fifth.create_index([("at", 1)], name="plain")
    await living.command("collMod", "fifth", index={"name": "plain", "expireAfterSeconds": 9})
    await living.create_collection("empty")
    await living.empty.create_index("at", expireAfterSeconds=3_600)
    await advance(archive, position)
    meanwhile: dict[str, Any] = {}

    async def look() -> list[str]:
        meanwhile.update(await bank.indexes(database.database()))
        return []

    copy = await restored(checks=[look])
    limited = [name for name, found in meanwhile.items() for one in found.values() if "expireAfterSeconds" in one]
    assert limited == []
    assert await bank.indexes(copy) == await bank.indexes(living)
    assert (await copy.first.index_information())["at_1"]["expireAfterSeconds"] == 7_200


async def test_the_log_begins_a_new_epoch_and_nobody_holds_a_lease(
    archive: Archive, living: AsyncDatabase[Document], restored: Restore
) -> None:
    before = await log.state()
    await living.sequencer.update_one(
        {"_id": "lease"}, {"$set": {"owner": "a", "until": now() + timedelta(days=1)}}, upsert=True
    )
    await living.consumers.insert_one({"_id": "one", "owner": "a", "until": now() + timedelta(days=1), "position": 0})
    await backups.dump(archive, silently)
    copy = await restored()
    with database.using(copy.name):
        assert (await log.state()).epoch > before.epoch
    assert await copy.sequencer.find_one({"_id": "lease"}, {"owner": 1, "until": 1}) == {"_id": "lease"}
    assert await copy.consumers.find_one({"_id": "one"}) == {"_id": "one", "position": 0}
    assert (await log.state()).epoch == before.epoch  # of the living one


async def test_events_that_had_no_position_yet_are_numbered_in_their_order(
    archive: Archive, living: AsyncDatabase[Document], restored: Restore
) -> None:
    """No sequencer runs here: of each document's events all are in the oplog, and only the last in the document."""
    position = await beginning()
    await changes.insert(bank.Counter(id=1, steps=[], deep={}))
    for step in range(3):
        event = bank.BankStepMade(bank.ACTOR, counter=1, step=step)
        await changes.change(bank.Counter, {"_id": 1}, {"$push": {"steps": step}}, event)
    position = await advance(archive, position)
    await backups.dump(archive, silently)  # after them: the segment before it tells
    for step in range(3, 6):
        event = bank.BankStepMade(bank.ACTOR, counter=1, step=step)
        await changes.change(bank.Counter, {"_id": 1}, {"$push": {"steps": step}}, event)
    await advance(archive, position)
    rows = await (await restored()).log.find().sort("_id", 1).to_list()
    assert [row["d"]["step"] for row in rows] == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("harm", ["hole", "twice", "ahead", "check"])
async def test_a_copy_that_is_not_sound_is_refused(
    archive: Archive, living: AsyncDatabase[Document], restored: Restore, harm: str
) -> None:
    row: Document = {"t": "Any.1", "o": None, "s": [], "a": "platform", "d": {}, "at": now()}
    await living.log.insert_many([{"_id": n, "e": ObjectId(), **row} for n in (1, 2, 3)])
    if harm == "hole":
        await living.log.delete_one({"_id": 2})
    elif harm == "twice":
        await living.log.drop_index("e_1")
    elif harm == "ahead":
        await living.consumers.insert_one({"_id": "one", "position": 4})
    await backups.dump(archive, silently)

    async def check() -> list[str]:
        return ["the books do not balance"] if harm == "check" else []

    said = {"hole": "holds 2 rows", "twice": "twice", "ahead": "beyond the log", "check": "do not balance"}[harm]
    with pytest.raises(BackupError, match=f"not sound: .*{said}"):
        await restored(checks=[check])
    with pytest.raises(BackupError, match="not sound"):
        await backups.drill(archive, silently, [check])


async def test_a_drill_restores_and_leaves_nothing(archive: Archive, living: AsyncDatabase[Document]) -> None:
    await living.things.insert_one({"_id": 1})
    manifest = await backups.dump(archive, silently)
    abandoned, ours = f"{living.name}_drill_{int(now().timestamp()) - 90_000:08x}", f"{living.name}_drill_12345678"
    await living.client[abandoned].restoring.insert_one({"_id": "restore", "token": "1", "drill": True})
    for name in (ours, f"{living.name}_drill_notes"):
        await living.client[name].things.insert_one({})
    seen = []

    async def look() -> list[str]:
        seen.append(await database.collection("things").count_documents({}))
        return []

    done = await backups.drill(archive, silently, [look])
    assert seen == [1]
    assert (done.restored.documents, done.restored.until) == (manifest.documents, manifest.at)
    assert 0 <= done.behind < 60
    names = await living.client.list_database_names()
    assert {name for name in names if name.startswith(f"{living.name}_drill")} == {ours, f"{living.name}_drill_notes"}
    with pytest.raises(BackupError, match="is how drills call their copies"):
        await backups.restore(archive, ours, None, silently)


async def test_what_is_in_the_making_does_not_count(archive: Archive, living: AsyncDatabase[Document]) -> None:
    await living.things.insert_one({"_id": 1})
    manifest = await backups.dump(archive, silently)
    await archive.delete([f"full/{manifest.name}/manifest"])
    assert await finished(archive) == []
    with pytest.raises(BackupError, match="There is no backup of"):
        await backups.restore(archive, f"{living.name}_copy", None, silently)


async def test_views_and_empty_databases_are_refused(archive: Archive, living: AsyncDatabase[Document]) -> None:
    await living.command({"create": "seen", "viewOn": "log", "pipeline": []})
    with pytest.raises(BackupError, match="seen is a view, which backups do not know"):
        await backups.dump(archive, silently)
    nothing = Archive(archive.url, f"{living.name}_none", archive.keys)
    with pytest.raises(BackupError, match="is empty: there is nothing to back up"):
        await backups.dump(nothing, silently)


async def test_collections_made_meanwhile_make_it_begin_again(
    archive: Archive, living: AsyncDatabase[Document], restored: Restore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await living.things.insert_one({"_id": 1})
    choosing, chosen = backups.dumping._moment, []

    async def interrupted(*arguments: Any) -> Any:
        chosen.append(await choosing(*arguments))
        if len(chosen) == 1:
            await living.things.create_index("late")
        return chosen[-1]

    monkeypatch.setattr(backups.dumping, "_moment", interrupted)
    manifest = await backups.dump(archive, silently)
    assert len(chosen) == 2
    assert manifest.snapshot == chosen[1]
    assert await bank.indexes(await restored()) == await bank.indexes(living)


async def test_manifests_of_another_release_are_named(archive: Archive, living: AsyncDatabase[Document]) -> None:
    await archive.put("full/0/manifest", b"\x05\0\0\0\0")
    with pytest.raises(BackupError, match="written by another release"):
        await Manifest.load(archive, "0")


@pytest.mark.parametrize("text", ["yesterday", "2030-13-01T00:00:00Z", "", "2030-01-31T14:05:09"])
def test_times_that_cannot_be_read(text: str) -> None:
    with pytest.raises(BackupError, match=r"write it like 2030-01-31T14:05:09Z"):
        moment(text)


def test_times_that_can() -> None:
    assert moment("2030-01-31T14:05:09.5+02:00") == datetime(2030, 1, 31, 12, 5, 9, 500_000, UTC)
    assert readable(moment("2030-01-31T14:05:09.25Z")) == "2030-01-31T14:05:09.250Z"
