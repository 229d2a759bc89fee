"""R23: every command inside a scope belongs to its transaction."""

import asyncio
import os
from collections.abc import AsyncIterator

import pytest
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.monitoring import CommandStartedEvent

from app.core import changes, queries
from app.core import database as connection
from app.core.database import Document
from tests.core.changes.notes import ACTOR, Entry, Note, NoteMade, NotePaid, make
from tests.guards import SessionGuard


class Guard(SessionGuard):
    """Notes every command that writes, too."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[str] = []

    def started(self, event: CommandStartedEvent) -> None:
        super().started(event)
        if event.command_name != "find":  # readers of the log may still be about
            self.sent.append(f"{event.command_name} {event.command.get(event.command_name)}")


@pytest.fixture
async def guard(empty: AsyncDatabase[Document]) -> AsyncIterator[Guard]:
    """The change log's database through a client that is watched."""
    watching = Guard()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connection, "_client", None)
        connection.connect(os.environ["MONGODB_URI"], empty.name, event_listeners=[watching])
        yield watching
        await connection.close()


@changes.atomic
async def everything() -> None:
    note, _ = await changes.insert_once(Note(key="a"), {"key": "a"}, NoteMade(ACTOR, key="a"))
    await changes.insert(Entry(text="entry"))
    await changes.change(Note, {"_id": note.id}, {"$inc": {"paid": 1}}, NotePaid(ACTOR))
    await changes.change_all(Note, {}, {"$inc": {"paid": 1}}, NotePaid(ACTOR))
    await changes.remove(Note, {"_id": note.id}, NotePaid(ACTOR))
    changes.emit(NotePaid(ACTOR))


async def test_r23_no_way_of_writing_escapes_its_scope(guard: Guard) -> None:
    await make("outside")
    await everything()
    await changes.rehearse(everything)
    await asyncio.gather(*(everything() for _ in range(5)))
    await changes.once("key", "body", everything, seal=lambda _: b"", open=lambda _: None)
    assert guard.escaped == []


async def test_a_change_or_insert_with_its_events_is_one_command(guard: Guard) -> None:
    """Between two commands a process may die; the write would be there and its events would not."""
    await make("a")
    assert guard.sent == ["insert notes"]
    guard.sent.clear()
    await changes.change(Note, {"key": "a"}, {"$inc": {"paid": 1}}, NotePaid(ACTOR))
    assert guard.sent == ["findAndModify notes"]
    guard.sent.clear()
    await changes.change_all(Note, {}, {"$inc": {"paid": 1}}, NotePaid(ACTOR))
    assert guard.sent == ["update notes"]


async def test_r23_a_command_that_forgets_the_session_is_noticed(guard: Guard) -> None:
    @changes.atomic
    async def forgets() -> None:
        await changes.insert(Note(key="a"))
        await connection.collection("notes").find_one({"key": "a"})
        await queries.find_one(connection.collection("notes"), {"key": "a"})

    await forgets()
    assert guard.escaped == ["find notes", "find notes"]


async def test_r23_so_is_a_task_that_goes_its_own_way(guard: Guard) -> None:
    @changes.atomic
    async def starts() -> None:
        await asyncio.create_task(connection.collection("notes").count_documents({}))

    await starts()
    assert guard.escaped == ["aggregate notes"]
