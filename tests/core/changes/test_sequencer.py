"""The sequencer: one order for everything, whatever happens to the process that makes it."""

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from itertools import count
from typing import Any

import pytest
from bson import ObjectId, encode
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from app.core import changes, leases
from app.core.changes import Hub, Sequencer, sequencer
from app.core.changes.envelope import pack
from app.core.database import Document
from tests.core.changes.notes import (
    ACTOR,
    EVERYTHING,
    PATIENCE,
    Entry,
    Note,
    NoteEvent,
    NoteMade,
    NoteMoved,
    NotePaid,
    make,
    mark,
    told,
)

Database = AsyncDatabase[Document]


@asynccontextmanager
async def running(*coroutines: Coroutine[Any, Any, None]) -> AsyncIterator[list[asyncio.Task[None]]]:
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def numbered(database: Database, number: int) -> list[Document]:
    """The log, once it holds a mark that is told now."""
    async with asyncio.timeout(PATIENCE):
        while not await database.log.find_one({"t": "Marked.1", "d.number": number}):
            await asyncio.sleep(0.02)
    return await database.log.find().sort("_id", 1).to_list()


def check_log(log: list[Document], floor: int = 0) -> None:
    assert [row["_id"] for row in log] == list(range(floor + 1, floor + 1 + len(log))), "I1: positions are dense"
    assert len({row["e"] for row in log}) == len(log), "I2: no event is there twice"
    versions = defaultdict(list)
    for row in log:
        if row["t"] == "NoteMoved.1":
            versions[row["s"][-1]].append(row["d"]["version"])
    for moves in versions.values():
        assert moves == list(range(1, len(moves) + 1)), "I5: a document's events are in the order of its versions"


class Writers:
    """Writes of every kind, at once, that remember what was acknowledged."""

    def __init__(self, seed: int, documents: int = 4) -> None:
        self._random = random.Random(seed)
        self._streams = [f"n:{n}" for n in range(documents)]
        self.acknowledged: set[ObjectId] = set()

    async def run(self, writes: int, writers: int = 8) -> None:
        for stream in self._streams:
            with suppress(DuplicateKeyError):
                await make(stream, stream)
        await asyncio.gather(*(self._write(writes // writers) for _ in range(writers)))

    async def _write(self, writes: int) -> None:
        for _ in range(writes):
            stream = self._random.choice(self._streams)
            kind = self._random.random()
            if kind < 0.4:
                event: NoteEvent = NoteMade(ACTOR, stream=stream)
                await changes.insert(Note(id=event.id, key=str(event.id)), event)
            elif kind < 0.8:
                event = await self._move(stream)
            else:
                event = NotePaid(ACTOR, stream=stream)
                await self._pay(stream, event)
            self.acknowledged.add(event.id)

    async def _move(self, stream: str) -> NoteMoved:
        while True:  # compare and set, like a person who looks before acting
            note = await changes.change(Note, {"key": stream}, {"$inc": {"paid": 0}})
            assert note is not None
            event = NoteMoved(ACTOR, version=note.version + 1, stream=stream)
            if await changes.change(Note, {"key": stream, "version": note.version}, {"$inc": {"version": 1}}, event):
                return event

    @changes.atomic
    async def _pay(self, stream: str, event: NotePaid) -> None:
        await changes.change(Note, {"key": stream}, {"$inc": {"paid": 1}}, event)
        await changes.insert(Entry(text=stream))


async def test_i1_to_i5_mixed_writes_are_numbered_once_in_the_order_of_their_commits(
    empty: Database, sequencer: Sequencer
) -> None:
    writers = Writers(seed=1)
    await writers.run(240)
    log = await numbered(empty, await mark(EVERYTHING))
    check_log(log)
    assert writers.acknowledged <= {row["e"] for row in log}, "I3: what was acknowledged is in the log"
    made = {row["e"] for row in log if row["t"] == "NoteMade.1" and row["d"]["key"] == ""}
    assert made == {note["_id"] async for note in empty.notes.find({"key": {"$not": {"$regex": "^n:"}}})}, "I4"
    for note in await empty.notes.find({"key": {"$regex": "^n:"}}).to_list():
        mine = [row for row in log if note["key"] in row["s"]]
        assert sum(row["t"] == "NoteMoved.1" for row in mine) == note["version"], "I4"
        assert sum(row["t"] == "NotePaid.1" for row in mine) == note["paid"], "I4"


async def test_i8_two_that_both_believe_to_lead_make_one_log(empty: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    async def always(name: str, id: str, owner: str) -> Document:
        return {"owner": owner}

    monkeypatch.setattr(leases, "take", always)
    monkeypatch.setattr(sequencer, "PAUSE", 0.05)
    both = Sequencer(), Sequencer()
    writers = Writers(seed=2)
    async with running(*(one.run() for one in both)):
        for turn in count():
            await writers.run(40)
            log = await numbered(empty, await mark(EVERYTHING))
            check_log(log)
            assert writers.acknowledged <= {row["e"] for row in log}
            if turn >= 9 and any(one.figures()["restarts"] for one in both):  # they have met
                break


async def test_a_sequencer_that_is_killed_again_and_again_loses_and_repeats_nothing(
    empty: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sequencer, "CHECKPOINT", 0.2)
    chance = random.Random(3)

    async def kill() -> None:
        while True:
            async with running(Sequencer().run()):
                await asyncio.sleep(chance.uniform(0.02, 0.2))

    writers = Writers(seed=3)
    async with running(kill()):
        for _ in range(8):
            await writers.run(160)
    async with running(Sequencer().run()):
        log = await numbered(empty, await mark(EVERYTHING))
    check_log(log)
    assert writers.acknowledged <= {row["e"] for row in log}


async def test_i10_a_log_made_anew_from_the_oplog_is_the_same(empty: Database) -> None:
    async def order() -> list[tuple[int, ObjectId]]:
        async with running(Sequencer().run()):
            log = await numbered(empty, number)
        return [(row["_id"], row["e"]) for row in log]

    await Writers(seed=4).run(240)
    number = await mark(EVERYTHING)
    first = await order()
    await empty.log.delete_many({})
    await empty.sequencer.update_one({"_id": "log"}, {"$unset": {"token": ""}})
    assert await order() == first


async def test_the_next_one_leads_as_soon_as_the_first_stops(empty: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "SECONDS", 3_600.0)
    first, second = Sequencer(), Sequencer()
    async with running(first.run()) as tasks:
        await make("a")
        await numbered(empty, await mark(EVERYTHING))
        async with running(second.run()):
            assert (first.figures()["leading"], second.figures()["leading"]) == (1, 0)
            tasks[0].cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await make("b")
            check_log(await numbered(empty, await mark(EVERYTHING)))
            assert (first.figures()["leading"], second.figures()["leading"]) == (0, 1)
            assert second.figures()["head"] == 4


@pytest.mark.parametrize(
    "envelope",
    [
        b"not bson",
        5,
        "text",
        encode({"v": 7}),
        encode({"w": []}),
        encode({"v": [{"e": "no id", "t": "Odd.1", "s": [], "a": "", "d": {}}]}),
        encode({"v": [{"e": ObjectId(), "t": "Odd.1", "s": "no list", "a": "", "d": {}}]}),
    ],
    ids=count(),
)
async def test_events_that_cannot_be_read_do_not_stop_the_log(hub: Hub, empty: Database, envelope: object) -> None:
    await make("a")
    await empty.notes.update_one({"key": "a"}, {"$set": {"_events": envelope}})
    await make("b")
    assert [c.data["key"] for c in await told(hub, EVERYTHING)] == ["a", "b"]


async def test_one_scope_may_tell_more_than_a_batch(hub: Hub) -> None:
    @changes.atomic
    async def many() -> None:
        await changes.insert(Note(key="a"))
        changes.emit(*(NotePaid(ACTOR, amount=n) for n in range(2_500)))

    await many()
    assert [c.data["amount"] for c in await told(hub, EVERYTHING)] == list(range(2_500))


async def test_a_document_of_the_largest_size_passes(hub: Hub, empty: Database) -> None:
    await empty.entries.insert_one(
        {"_id": ObjectId(), "text": "x" * 16_770_000, "_events": await pack([NotePaid(ACTOR)])}
    )
    await changes.change(Entry, {}, {"$set": {"text": "y" * 16_770_000}}, NoteMoved(ACTOR))
    assert [c.type for c in await told(hub, EVERYTHING)] == ["NotePaid.1", "NoteMoved.1"]


async def test_the_checkpoint_moves_while_nothing_is_told(
    empty: Database, sequencer: Sequencer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.core.changes.sequencer.IDLE_CHECKPOINT", 0.0)

    async def token() -> object:
        return (await empty.sequencer.find_one({"_id": "log"}) or {}).get("token")

    async with asyncio.timeout(PATIENCE):
        while (first := await token()) is None:
            await asyncio.sleep(0.05)
        while await token() == first:
            await changes.insert(Entry(text="tells nothing"))
            await asyncio.sleep(0.05)
