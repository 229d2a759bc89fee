"""What a job is given travels in its event, so what cannot be kept is refused by the very write that would cause it."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from app.core import changes
from app.core.changes import Event, Sequencer
from app.core.database import Document
from app.core.tasks import end
from tests.core.jobs.tasks import ACTOR, Asked
from tests.jobs.working import Mark

Database = AsyncDatabase[Document]


@dataclass(frozen=True, kw_only=True)
class AskedForAnything(Event):
    what: Any


@pytest.mark.parametrize("what", [object(), {1, 2}, asyncio.sleep, 2**64, {"a": {"b": object()}}])
async def test_an_argument_that_cannot_be_stored_is_named_and_nothing_is_written(empty: Database, what: Any) -> None:
    with pytest.raises(TypeError, match=r"AskedForAnything\.1: `what` cannot be stored"):
        await changes.insert(Mark(), AskedForAnything(ACTOR, what=what))

    @changes.atomic
    async def write() -> None:
        await changes.insert(Mark(), AskedForAnything(ACTOR, what=what))

    with pytest.raises(TypeError, match="`what` cannot be stored"):
        await write()
    assert await empty.marks.count_documents({}) == 0


async def test_an_argument_of_twenty_megabytes_is_refused_and_harms_nobody(empty: Database) -> None:
    with pytest.raises(ValueError, match=r"Asked\.1 takes 20,\d+,\d+ bytes; an event may take 65,536"):
        await changes.insert(Mark(), Asked(ACTOR, what="x" * 20_000_000))
    asked = Asked(ACTOR, what="small")
    await changes.insert(Mark(), asked)
    sequencer = asyncio.create_task(Sequencer().run())
    async with asyncio.timeout(20):
        while not await empty.log.find_one({"e": asked.id}):
            await asyncio.sleep(0.05)
    await end(sequencer)
    assert await empty.log.count_documents({}) == 1
    assert await empty.marks.count_documents({}) == 1
