"""From events to jobs: none lost, none twice."""

import asyncio
from collections.abc import Iterable
from datetime import timedelta

import pytest
from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from app.core import changes, clock
from app.core.changes import Change, Consumer, Sequencer
from app.core.changes.scope import atomic
from app.core.database import Document
from app.core.jobs import Acceptance, Job, Queue, job, queue
from app.core.tasks import end
from tests.core.jobs.tasks import ACTOR, Asked, Worker, accept, declared, rows, running, told, unheard, until

Database = AsyncDatabase[Document]


async def test_a_page_that_comes_again_makes_no_second_job(empty: Database) -> None:
    kind, asked = declared("greet", Worker()), Asked(ACTOR)
    await accept([kind], asked)
    first = await rows()
    await accept([kind], asked)
    assert await rows() == first
    assert (first[0]["_id"], first[0]["key"]) == (queue.id_of("greet.1", str(asked.id)), str(asked.id))
    assert first[0]["organization_id"] == ACTOR.organization_id


async def test_events_of_one_key_are_one_job(empty: Database) -> None:
    kind = declared("greet", Worker(), key=lambda event: event.what)
    await accept([kind], Asked(ACTOR, what="a"), Asked(ACTOR, what="b"), Asked(ACTOR, what="a"))
    await accept([kind], Asked(ACTOR, what="b"))
    assert [row["key"] for row in await rows()] == ["a", "b"]


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
    heard: list[str] = []

    async def announce(queues: Iterable[str]) -> None:
        heard.extend(queues)

    later = declared("later", Worker(), due=lambda event: clock.now() + timedelta(hours=1))
    kinds = [declared("greet", Worker(), queue=Queue.FAST), later]
    acceptance, page = Acceptance(kinds, announce), told(Asked(ACTOR))
    await acceptance.accept(page)
    await acceptance.accept(page)
    assert heard == ["fast"]


def test_two_jobs_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="two jobs are named greet"):
        Acceptance([declared("greet", Worker()), declared("greet", Worker())], unheard)


async def test_an_event_of_a_newer_release_is_kept_for_it(empty: Database) -> None:
    """R9: an old worker reads the log past it; the first that knows it makes its job, once."""
    newer = Change.of({**Asked(ACTOR).row(), "t": "AskedLater.2", "_id": 7, "at": clock.now()})
    kind = declared("greet", Worker())
    old = Acceptance([kind], unheard)
    for _ in range(2):
        await old.accept([newer])
    assert await rows() == []
    unread = await empty["unread"].find().to_list()
    assert [(row["_id"], row["t"]) for row in unread] == [(7, "AskedLater.2")]
    assert await old._take_up() == 0, "it still cannot read it"
    await empty["unread"].update_one({"_id": 7}, {"$set": {"t": "Asked.1"}})  # what a release that knows it sees
    sweeping = asyncio.create_task(Acceptance([kind], unheard).sweep())
    async with running(kind):
        (row,) = await until("done")
    await end(sweeping)
    assert row["event"]["e"] == newer.id
    assert await empty["unread"].count_documents({}) == 0


async def test_an_event_that_does_not_fit_its_class_stands_in_nobodys_way(empty: Database) -> None:
    """Its job is dead from the beginning, and can be tried again by a release that reads it."""
    broken, asked = Change.of({**Asked(ACTOR).row(), "d": {"who": 1}, "_id": 1, "at": clock.now()}), Asked(ACTOR)
    worker = Worker()
    kind = declared("greet", worker)
    await Acceptance([kind], unheard).accept([broken, *told(asked)])
    async with running(kind), asyncio.timeout(20):
        while not worker.attempts:
            await asyncio.sleep(0.02)
    found = {row["state"]: row for row in await rows()}
    assert "unexpected keyword argument 'who'" in found["dead"]["last_error"]
    assert found["done"]["event"]["e"] == asked.id


async def test_a_declaration_reads_as_the_function_it_decorates(empty: Database) -> None:
    due = clock.now() + timedelta(hours=1)

    @job(Asked, key=lambda event: event.what, due=lambda event: due, attempts=2)
    async def greet(job: Job[Asked]) -> None:
        """Say good morning."""

    await accept([greet], Asked(ACTOR, what="x"))
    (row,) = await rows()
    assert (row["key"], row["state"], row["due"], row["attempts"]) == ("x", "waiting", due, 2)


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

    log = asyncio.create_task(Sequencer().run())
    consumer = asyncio.create_task(Consumer("jobs", Acceptance([kind], unheard).accept).run())
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
