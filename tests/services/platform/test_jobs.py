"""What staff do to many dead jobs at once."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import orjson
import pytest
from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from app.core import changes, database
from app.core.actor import Actor
from app.core.database import Document
from app.core.errors import Invalid
from app.core.jobs import control
from app.core.paging import PageArgs
from app.services.platform import jobs

PLATFORM = Actor.platform()
TYPE = "steered_in_bulk.1"
THESE = {"type": {"eq": TYPE}}

Database = AsyncDatabase[Document]


@pytest.fixture(autouse=True)
async def dead(documents: Database) -> AsyncIterator[list[ObjectId]]:
    """Three jobs that died in the last hour, the one that was made first before the others."""
    ago = [await database.moment() - timedelta(minutes=minutes) for minutes in (30, 20, 10)]
    row: Document = {"type": TYPE, "key": "", "queue": "slow", "priority": 1, "state": "dead"}
    row |= {"organization_id": None, "attempt": 8, "attempts": 8, "token": 8}
    rows = [{**row, "_id": ObjectId(), "created_at": moment, "started_at": moment} for moment in ago]
    await documents.jobs.insert_many(rows)
    yield [row["_id"] for row in rows]
    await documents.jobs.delete_many({"type": TYPE})


async def _die_again(documents: Database) -> None:
    again = [{"$set": {"state": "dead", "started_at": "$$NOW"}}]
    await documents.jobs.update_many({"type": TYPE, "state": "ready"}, again)


async def _with(documents: Database, state: str) -> list[ObjectId]:
    return [row["_id"] async for row in documents.jobs.find({"type": TYPE, "state": state}).sort("created_at", 1)]


async def test_those_that_die_again_do_not_stand_before_the_rest(
    documents: Database, dead: list[ObjectId], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "MOST", 2)
    first = await jobs.retry_dead(PLATFORM, THESE)
    assert (first.count, first.more) == (2, True)
    await _die_again(documents)
    second = await jobs.retry_dead(PLATFORM, THESE, first.until)
    assert (second.count, second.more, second.until) == (1, False, first.until)
    assert await _with(documents, "ready") == dead[2:]


async def test_a_moment_to_come_is_now(documents: Database) -> None:
    """Else those that die again would be chosen again."""
    step = await jobs.drop_dead(PLATFORM, THESE, await database.moment() + timedelta(days=1))
    assert step.count == 3
    assert step.until <= await database.moment()


async def test_one_that_was_dead_when_it_was_made_is_meant_too(documents: Database, dead: list[ObjectId]) -> None:
    await documents.jobs.update_one({"_id": dead[1]}, {"$unset": {"started_at": ""}})
    ages = [await database.moment() - timedelta(minutes=minutes) for minutes in (25, 15)]
    assert [(await jobs.drop_dead(PLATFORM, THESE, age)).count for age in ages] == [1, 1]
    assert await _with(documents, "dropped") == dead[:2]


@pytest.mark.parametrize("act", [jobs.retry_dead, jobs.drop_dead])
async def test_what_was_done_to_many_is_told_once(documents: Database, act: Any) -> None:
    """By the filter and how many there were: an event for each would outgrow the transaction, and the log."""

    async def told(filter: dict[str, Any]) -> list[Document]:
        return [event.row()["d"] for event in (await changes.rehearse(lambda: act(PLATFORM, filter))).events]

    verb = act.__name__.removesuffix("_dead")
    subject = f"3 that match {orjson.dumps(THESE).decode()}"
    assert await told(THESE) == [{"action": verb, "kind": "dead jobs", "subject": subject}]
    assert await told({"type": {"eq": "unheard_of.1"}}) == []
    (long,) = await told({**THESE, "queue": {"in": ["slow", "x" * 200, "y" * 200, "z" * 200]}})
    assert len(long["subject"]) < 600


@pytest.mark.parametrize("operator", ["eq", "contains", "starts_with", "exists"])
async def test_nobody_searches_in_errors(operator: str) -> None:
    """They may hold what is not shown, which could be guessed letter by letter."""
    with pytest.raises(Invalid, match="last_error"):
        await jobs.newest(PLATFORM, PageArgs(first=1), {"last_error": {operator: "p"}})
