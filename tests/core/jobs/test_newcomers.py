"""R9: a job that is new in a release, on an event that the release before knows as well."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import uuid4

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from app.core import changes
from app.core.changes import Consumer, Sequencer, log
from app.core.database import Document
from app.core.jobs import Acceptance, JobType, newcomers
from app.core.tasks import end
from tests.core.jobs.tasks import ACTOR, PATIENCE, Asked, Worker, declared, rows, unheard

Database = AsyncDatabase[Document]

GREET, THANK = declared("greet", Worker()), declared("thank", Worker())
OLD, NEW = [GREET], [GREET, THANK]


@pytest.fixture
async def sequenced(empty: Database) -> AsyncIterator[Database]:
    task = asyncio.create_task(Sequencer().run())
    yield empty
    await end(task)


@changes.atomic
async def ask(what: str) -> None:
    changes.emit(Asked(ACTOR, what=what))


@asynccontextmanager
async def reading(kinds: list[JobType[Asked]]) -> AsyncIterator[Acceptance]:
    """A worker of the release that knows these reads the log, until the context ends."""
    await newcomers.register(kinds)
    acceptance = Acceptance(kinds, unheard)
    task = asyncio.create_task(Consumer("jobs", acceptance.accept, begin=acceptance.begin).run())
    try:
        yield acceptance
    finally:
        await end(task)


async def made(database: Database, *expected: str) -> None:
    """Returns when the log was read to its end; these jobs were made, and no others."""
    mark = f"the end {uuid4()}"
    await ask(mark)
    async with asyncio.timeout(PATIENCE):
        while True:
            position = ((await database.consumers.find_one({"_id": "jobs"})) or {}).get("position", 0)
            newest = await log.read({"_id": position}, 1)
            if newest and newest[0].data["what"] == mark:
                break
            await asyncio.sleep(0.02)
    jobs = [f"{row['type'].split('.')[0]} {row['event']['d']['what']}" for row in await rows()]
    assert sorted(job for job in jobs if "the end" not in job) == sorted(expected)


async def unnoted(database: Database) -> list[str]:
    """The jobs of which some may have been left out."""
    row = await database.consumers.find_one({"_id": "jobs"}) or {}
    return [job["type"] for job in row["jobs"] if "after" in job]


async def make_up(acceptance: Acceptance) -> None:
    while await acceptance._make_up():
        pass


async def test_a_new_worker_makes_what_an_old_one_leaves_out_while_that_reads_on(sequenced: Database) -> None:
    async with reading(OLD):
        await ask("before")
        await made(sequenced, "greet before")
        await newcomers.register(NEW)  # a server of the new release starts, and expects its job from here on
        await ask("first")
        await made(sequenced, "greet before", "greet first")
        new = Acceptance(NEW, unheard)
        await make_up(new)
        await ask("second")
        await made(sequenced, "greet before", "greet first", "thank first", "greet second")
        await make_up(new)
        await made(
            sequenced, "greet before", *(f"{job} {what}" for job in ("greet", "thank") for what in ("first", "second"))
        )
    assert await unnoted(sequenced) == ["thank.1"]


async def test_once_a_new_worker_reads_nothing_is_left_out(sequenced: Database) -> None:
    async with reading(OLD):
        await newcomers.register(NEW)
        await ask("first")
        await made(sequenced, "greet first")
    async with reading(NEW) as new:
        await ask("second")
        await made(sequenced, "greet first", "greet second", "thank second")
        await make_up(new)
        await made(sequenced, "greet first", "thank first", "greet second", "thank second")
        assert await unnoted(sequenced) == []
        assert await newcomers.left_out(["greet.1", "thank.1"]) == []


async def test_what_is_left_out_after_a_release_was_taken_back_is_made_when_it_returns(sequenced: Database) -> None:
    async with reading(NEW) as new:
        await ask("first")
        await made(sequenced, "greet first", "thank first")
        await make_up(new)
        assert await unnoted(sequenced) == []
    async with reading(OLD):
        await ask("second")
        await made(sequenced, "greet first", "thank first", "greet second")
    async with reading(NEW) as new:
        await made(sequenced, "greet first", "thank first", "greet second")
        await make_up(new)
        await made(sequenced, "greet first", "thank first", "greet second", "thank second")
        assert await unnoted(sequenced) == []


async def test_who_made_up_for_it_before_an_old_one_began_again_notes_nothing(sequenced: Database) -> None:
    """Between a look and its note the reader may have changed, and be one who leaves the job out."""
    async with reading(NEW):
        await made(sequenced)
    (stretch,) = await newcomers.left_out(["thank.1"])
    assert stretch.last
    async with reading(OLD):
        await ask("first")
        await made(sequenced, "greet first")
        await newcomers.made(stretch, stretch.until)
        await make_up(Acceptance(NEW, unheard))
        await made(sequenced, "greet first", "thank first")


async def test_one_that_overslept_its_turn_to_read_says_nothing_of_what_is_read(sequenced: Database) -> None:
    async with reading(OLD):
        await newcomers.register(NEW)
        await made(sequenced)
        await newcomers.begin({"_id": "jobs", "owner": "who overslept"}, 0, ["greet.1", "thank.1"])
        row = await sequenced.consumers.find_one({"_id": "jobs"}) or {}
        assert row["knows"] == ["greet.1"]


async def test_more_than_a_page_is_made_up_for(sequenced: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.core.jobs.acceptance._LIMIT", 2)
    async with reading(OLD):
        await newcomers.register(NEW)
        for number in range(5):
            await ask(str(number))
        await made(sequenced, *(f"greet {number}" for number in range(5)))
        await make_up(Acceptance(NEW, unheard))
        await made(sequenced, *(f"{job} {number}" for job in ("greet", "thank") for number in range(5)))


async def test_what_jobs_are_remembered_no_more_is_not_made_up_for(
    sequenced: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have been done, and forgotten."""
    async with reading(OLD):
        await newcomers.register(NEW)
        await ask("first")
        await made(sequenced, "greet first")
        monkeypatch.setattr(newcomers, "KEPT", timedelta(0))
        await make_up(Acceptance(NEW, unheard))
        await made(sequenced, "greet first")
