"""The oplog no longer reaches back: what still stands is numbered, and every cursor is refused openly."""

import asyncio
from datetime import timedelta

import pytest
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import OperationFailure

from app.core import changes
from app.core.changes import Hub, Sequencer, hubs, recovery
from app.core.changes.appending import Appender
from app.core.changes.envelope import pack
from app.core.clock import now
from app.core.database import Document
from app.core.errors import ResyncRequired
from app.core.tasks import end
from tests.core.changes.notes import ACTOR, EVERYTHING, PATIENCE, Note, NoteMade, NoteMoved, NotePaid, make, mark, told

Database = AsyncDatabase[Document]


class Late(Sequencer):
    """One whose checkpoint has left the oplog when it comes back."""

    lost = 1

    async def _lead(self, row: Document) -> None:
        if self.lost:
            self.lost -= 1
            raise OperationFailure("Resume of change stream was not possible", 286)
        await super()._lead(row)


@changes.atomic
async def pay(key: str) -> None:
    await changes.change(Note, {"key": key}, {"$inc": {"paid": 1}}, NotePaid(ACTOR))


async def test_r22_what_still_stands_is_numbered_and_old_cursors_are_refused(
    empty: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hubs, "POLL", 0.02)
    hub = Hub()
    await hub.start()
    epoch = hub.epoch
    first = asyncio.create_task(Sequencer().run())
    await make("a")
    await told(hub, EVERYTHING)
    cursor = hub.cursor(1, [EVERYTHING])
    await end(first)

    # Dark: nobody numbers, and then the oplog is gone.
    await pay("a")
    await pay("a")
    await make("b")
    await changes.change(Note, {"key": "b"}, {"$inc": {"version": 1}}, NoteMoved(ACTOR, version=1))
    async with hub.follow([EVERYTHING]) as live:
        late = asyncio.create_task(Late().run())
        with pytest.raises(ResyncRequired):
            async with asyncio.timeout(PATIENCE):
                while True:
                    await anext(live)
    assert hub.epoch > epoch
    with pytest.raises(ResyncRequired):
        hub.read_cursor(cursor, [EVERYTHING])

    await make("c")
    found = await told(hub, EVERYTHING)
    types = [change.type for change in found]
    assert types.count("NotePaid.1") == 2, "the outbox stands"
    assert types.count("NoteMoved.1") == 1, "the last change of a document stands"
    assert [change.data["key"] for change in found if change.type == "NoteMade.1"] == ["a", "c"], "earlier ones do not"
    assert len({change.id for change in found}) == len(found) == 5
    log = await empty.log.find().sort("_id", 1).to_list()
    assert [row["_id"] for row in log] == list(range(1, len(log) + 1))
    await end(late)
    await hub.stop()


async def test_recovery_may_be_interrupted_and_repeated(empty: Database) -> None:
    for key in "abc":
        await make(key)
    with pytest.raises(ZeroDivisionError):
        await interrupted_recovery()
    for _ in range(2):
        await recovery.recover()
    log = await empty.log.find().sort("_id", 1).to_list()
    assert [(row["_id"], row["d"]["key"]) for row in log] == [(1, "a"), (2, "b"), (3, "c")]


async def interrupted_recovery() -> None:
    appended = Appender.append

    async def once(self: Appender, events: list[Document]) -> None:
        await appended(self, events[:2])
        raise ZeroDivisionError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Appender, "append", once)
        await recovery.recover()


async def test_events_from_long_before_the_checkpoint_are_left_alone(empty: Database) -> None:
    await make("a")
    await empty.sequencer.update_one({"_id": "log"}, {"$set": {"seen": now() + timedelta(hours=2)}})
    await recovery.recover()
    assert await empty.log.count_documents({}) == 0


async def test_i12_the_audit_finds_a_way_of_writing_that_hides_events(empty: Database, sequencer: Sequencer) -> None:
    hub = Hub()
    await hub.start()
    await make("a")
    await pay("a")
    await told(hub, EVERYTHING)
    assert await changes.hidden(settled=timedelta(0)) == []
    event = NoteMade(ACTOR, key="hidden")
    await empty.notes.replace_one({"key": "a"}, {"key": "a", "_events": await pack([event])})  # logged as a replacement
    await mark(EVERYTHING)
    await told(hub, EVERYTHING)
    await asyncio.sleep(1.1)  # ids are compared by the second
    assert await changes.hidden(settled=timedelta(0)) == [("notes", event.id)]
    await hub.stop()
