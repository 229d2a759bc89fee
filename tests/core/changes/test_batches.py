"""Group commit: documents travel together and succeed or fail alone."""

import asyncio
from typing import Any

import pytest
from bson.errors import InvalidDocument
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DocumentTooLarge, DuplicateKeyError

from app.core import changes, database, grouping
from app.core.changes import batches
from app.core.database import Document
from app.core.grouping import Grouped
from tests.core.changes.notes import Note

Database = AsyncDatabase[Document]


async def test_what_arrives_while_a_command_travels_goes_in_the_next_one(
    empty: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    takes = Grouped._take

    def counted(self: Grouped[Any], waiting: Any) -> Any:
        group = takes(self, waiting)
        sizes.append(len(group))
        return group

    monkeypatch.setattr(Grouped, "_take", counted)
    await asyncio.gather(*(changes.insert(Note(key=str(n))) for n in range(1_200)))
    assert await empty.notes.count_documents({}) == 1_200
    assert max(sizes) == grouping.MOST
    assert len(sizes) < 10


async def test_a_duplicate_fails_its_own_caller_only(empty: Database) -> None:
    keys = ["a", "b", "a", "c", "b", "d"]
    answers = await asyncio.gather(*(changes.insert(Note(key=key)) for key in keys), return_exceptions=True)
    assert [isinstance(answer, DuplicateKeyError) for answer in answers] == [False, False, True, False, True, False]
    refused = answers[2]
    assert isinstance(refused, DuplicateKeyError)
    assert refused.details is not None
    assert refused.details["keyPattern"] == {"key": 1}


async def test_a_document_that_cannot_be_stored_fails_its_own_caller_only(empty: Database) -> None:
    odd: Any = object()
    answers = await asyncio.gather(
        changes.insert(Note(key="a")),
        changes.insert(Note(key=odd)),
        changes.insert(Note(key="x" * batches.MAX_BYTES)),
        changes.insert(Note(key="b")),
        return_exceptions=True,
    )
    assert isinstance(answers[1], InvalidDocument)
    assert isinstance(answers[2], DocumentTooLarge)
    assert {document["key"] async for document in empty.notes.find()} == {"a", "b"}


async def test_large_documents_share_no_command_beyond_its_bounds(empty: Database) -> None:
    await empty.notes.drop_index("key_1")  # no index entry may be this large
    answers = await asyncio.gather(*(changes.insert(Note(key=f"{n}" + "x" * 6_000_000)) for n in range(6)))
    assert len(answers) == 6
    assert await empty.notes.count_documents({}) == 6


async def test_a_caller_who_leaves_before_the_document_does_takes_it_back(empty: Database) -> None:
    first = asyncio.create_task(changes.insert(Note(key="first")))
    await asyncio.sleep(0)  # the first is handed to the task that sends
    leaves = asyncio.create_task(changes.insert(Note(key="leaves")))
    stays = asyncio.create_task(changes.insert(Note(key="stays")))
    await asyncio.sleep(0)
    leaves.cancel()
    await asyncio.gather(first, stays)
    assert leaves.cancelled() or leaves.cancelling()
    await changes.insert(Note(key="last"))
    assert {document["key"] async for document in empty.notes.find()} == {"first", "stays", "last"}


async def test_a_failed_command_fails_all_that_travelled_in_it_and_no_later_one(
    empty: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(name: str) -> Any:
        raise ConnectionError("the network is gone")

    with monkeypatch.context() as patch:
        patch.setattr(database, "collection", broken)
        answers = await asyncio.gather(*(changes.insert(Note(key=key)) for key in "abc"), return_exceptions=True)
    assert all(isinstance(answer, ConnectionError) for answer in answers)
    await changes.insert(Note(key="d"))
    assert await empty.notes.count_documents({}) == 1
