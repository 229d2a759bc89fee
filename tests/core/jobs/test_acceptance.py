"""From events to jobs: none lost, none twice."""

import asyncio
from datetime import timedelta

import pytest
from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from app.core import changes, clock
from app.core.changes import Consumer, Sequencer
from app.core.changes.scope import atomic
from app.core.database import Document
from app.core.jobs import accepting, job
from tests.core.jobs.tasks import ACTOR, Asked, Worker, accept, declared, rows, running, told, until

Database = AsyncDatabase[Document]


async def test_a_page_that_comes_again_makes_no_second_job(empty: Database) -> None:
    kind, asked = declared("greet", Worker()), Asked(ACTOR)
    await accept([kind], asked)
    first = await rows()
    await accept([kind], asked)
    assert await rows() == first
    assert first[0]["_id"] == f"greet.1:{asked.id}"
    assert first[0]["organization"] == ACTOR.organization_id


async def test_events_of_one_key_are_one_job(empty: Database) -> None:
    kind = declared("greet", Worker(), key=lambda event: event.what)
    await accept([kind], Asked(ACTOR, what="a"), Asked(ACTOR, what="b"), Asked(ACTOR, what="a"))
    await accept([kind], Asked(ACTOR, what="b"))
    assert [row["_id"] for row in await rows()] == ["greet.1:a", "greet.1:b"]


async def test_a_job_done_is_not_made_again(empty: Database) -> None:
    worker, asked = Worker(), Asked(ACTOR)
    kind = declared("greet", worker)
    await accept([kind], asked)
    async with running(kind):
        await until("done")
        await accept([kind], asked)
        assert [row["state"] for row in await rows()] == ["done"]
    assert len(worker.attempts) == 1


async def test_one_event_may_cause_several_jobs(empty: Database) -> None:
    one, other = declared("one", Worker()), declared("other", Worker())
    await accept([one, other], Asked(ACTOR))
    assert [row["type"] for row in await rows()] == ["one.1", "other.1"]


async def test_runners_are_told_only_of_what_is_new(empty: Database) -> None:
    heard = 0

    async def announce() -> None:
        nonlocal heard
        heard += 1

    accepted, page = accepting([declared("greet", Worker())], announce), told(Asked(ACTOR))
    await accepted(page)
    await accepted(page)
    assert heard == 1


def test_two_jobs_of_one_name_are_refused() -> None:
    async def announce() -> None: ...

    with pytest.raises(ValueError, match="two jobs are named greet"):
        accepting([declared("greet", Worker()), declared("greet", Worker())], announce)


async def test_a_declaration_reads_as_the_function_it_decorates(empty: Database) -> None:
    due = clock.now() + timedelta(hours=1)

    @job(Asked, key=lambda event: event.what, due=lambda event: due, attempts=2)
    async def greet(job: object) -> None:
        """Say good morning."""

    await accept([greet], Asked(ACTOR, what="x"))
    (row,) = await rows()
    assert (row["_id"], row["due"], greet.attempts) == ("greet.1:x", due, 2)


async def test_a_job_rides_in_the_transaction_of_its_event(empty: Database) -> None:
    """What was rolled back causes no job; what was committed causes one, through the log."""
    kept, lost = Asked(ACTOR, what="kept"), Asked(ACTOR, what="lost")

    @atomic
    async def tell(event: Asked, fails: bool) -> None:
        changes.emit(event)
        if fails:
            raise LookupError(event.what)

    worker = Worker()
    kind = declared("greet", worker)

    async def announce() -> None: ...

    log = asyncio.create_task(Sequencer().run())
    consumer = asyncio.create_task(Consumer("jobs", accepting([kind], announce)).run())
    with pytest.raises(LookupError):
        await tell(lost, True)
    await tell(kept, False)
    async with running(kind):
        assert [row["event"]["e"] for row in await until("done")] == [kept.id]
    for task in (log, consumer):
        task.cancel()
    await asyncio.gather(log, consumer, return_exceptions=True)
    (attempt,) = worker.attempts
    assert attempt.event.what == "kept"
    assert attempt.event.actor.system
    assert attempt.event.actor.organization_id == ACTOR.organization_id != ObjectId()
