"""What a job's function is given: its end, in a scope or out of one, and what it leaves to be looked at."""

import asyncio
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase
from structlog.testing import capture_logs

from app.core import changes
from app.core.database import Document
from app.core.jobs import Job, Overtaken, queue
from app.core.jobs.attempt import open_job
from tests.core.jobs.tasks import ACTOR, PATIENCE, Asked, Worker, accept, declared, rows, running, taken, until

Database = AsyncDatabase[Document]


async def test_effects_in_a_scope_are_kept_with_the_end_of_the_job_or_not_at_all(empty: Database) -> None:
    """R4: who was overtaken keeps nothing; who holds the job keeps everything at once."""

    @changes.atomic
    async def book(job: Job[Any]) -> None:
        await empty.booked.insert_one({"attempt": job.attempt}, session=changes.session())
        await job.finish({"booked": True})

    kind = declared("book", Worker())
    await accept([kind], Asked(ACTOR))
    await empty.booked.insert_one({"attempt": 0})
    overslept, second = await taken(kind, "first"), await taken(kind, "second")
    with pytest.raises(Overtaken):
        await book(open_job(overslept, kind))
    holder = open_job(second, kind)
    await book(holder)
    assert holder.finished
    assert [row["attempt"] async for row in empty.booked.find()] == [0, 2]
    (row,) = await rows()
    assert (row["state"], row["result"]) == ("done", {"booked": True})
    with pytest.raises(RuntimeError, match="@atomic scope"):
        await holder.finish()


async def test_an_end_in_a_scope_that_fails_is_taken_back_with_its_effects(empty: Database) -> None:
    @changes.atomic
    async def work(job: Job[Asked]) -> None:
        await empty.booked.insert_one({"attempt": job.attempt}, session=changes.session())
        await job.finish()
        if job.attempt == 1:
            raise ConnectionError("too early")

    await empty.create_collection("booked")
    kind = declared("book", Worker(work, work))
    await accept([kind], Asked(ACTOR))
    async with running(kind):
        await until("done")
    assert [row["attempt"] async for row in empty.booked.find()] == [2]


async def test_a_job_that_ended_in_a_scope_is_not_ended_again(empty: Database) -> None:
    @changes.atomic
    async def work(job: Job[Asked]) -> dict[str, Any] | None:
        await job.finish({"in": "the scope"})
        return {"in": "the return"}

    kind = declared("book", Worker(work))
    await accept([kind], Asked(ACTOR))
    with capture_logs() as logs:
        async with running(kind):
            (row,) = await until("done")
    assert row["result"] == {"in": "the scope"}
    assert not [log for log in logs if "overtaken" in log["event"]]


async def test_what_a_job_does_after_its_end_was_written_is_let_be(empty: Database) -> None:
    ended = asyncio.Event()

    async def work(job: Job[Asked]) -> None:
        await changes.atomic(job.finish)()
        await asyncio.sleep(2 * queue.LEASE)
        ended.set()

    kind = declared("book", Worker(work))
    await accept([kind], Asked(ACTOR))
    with capture_logs() as logs:
        async with running(kind):
            await asyncio.wait_for(ended.wait(), PATIENCE)
    assert not [log for log in logs if "overtaken" in log["event"]]


async def test_what_a_job_answers_is_kept(empty: Database) -> None:
    async def work(job: Job[Asked]) -> dict[str, Any]:
        await job.report(1, 2, "halfway")
        return {"sent": 3, "$set": "is a word like others"}

    kind = declared("greet", Worker(work))
    await accept([kind], Asked(ACTOR))
    async with running(kind):
        (row,) = await until("done")
    assert row["result"] == {"sent": 3, "$set": "is a word like others"}
    assert row["progress"] == {"done": 1, "total": 2, "note": "halfway"}


@pytest.mark.parametrize("result", [{"a": object()}, ["a"], {"a": "x" * 70_000}, {1: 2}, {"a": 2**64}])
async def test_a_result_that_cannot_be_kept_is_said_to_be_so_once(empty: Database, result: Any) -> None:
    async def work(job: Job[Asked]) -> Any:
        return result

    worker = Worker(work)
    kind = declared("greet", worker)
    await accept([kind], Asked(ACTOR))
    async with running(kind):
        (row,) = await until("dead")
    assert "its result cannot be kept" in row["last_error"]
    assert len(worker.attempts) == 1
