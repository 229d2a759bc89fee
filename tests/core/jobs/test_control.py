"""What staff do with jobs and queues."""

import asyncio
from datetime import timedelta

from pymongo.asynchronous.database import AsyncDatabase

from app.core import clock
from app.core.database import Document
from app.core.jobs import Job, Permanent, Queue, State, control, queue
from tests.core.jobs.tasks import ACTOR, PATIENCE, Asked, Worker, accept, declared, rows, running, until

Database = AsyncDatabase[Document]


async def refuse(job: Job[Asked]) -> None:
    raise Permanent("on purpose")


async def test_a_dead_job_can_be_tried_again_with_all_its_attempts(empty: Database) -> None:
    worker = Worker(refuse)
    kind = declared("greet", worker, attempts=2)
    await accept([kind], Asked(ACTOR))
    async with running(kind):
        (row,) = await until("dead")
        assert await control.retry(row["_id"])
        await until("done")
    assert not await control.retry(row["_id"]), "what was done is not done again"
    assert [attempt.attempt for attempt in worker.attempts] == [1, 1]


async def test_many_are_tried_again_or_dropped_at_once(empty: Database) -> None:
    kinds = [declared("one", Worker(*[refuse] * 9)), declared("other", Worker(*[refuse] * 9))]
    await accept(kinds, *(Asked(ACTOR) for _ in range(3)))
    async with running(*kinds):
        await until("dead")
    assert await control.retry_all({"type": "one.1"}) == 3
    assert await control.drop_all({}) == 3
    assert {row["type"]: row["state"] for row in await rows()} == {"one.1": "ready", "other.1": "dropped"}
    assert await control.drop_all({}) == 0
    (row, *_) = await rows()
    assert not await control.drop(row["_id"]), "only dead ones are dropped"


async def test_a_waiting_job_is_cancelled_at_once(empty: Database) -> None:
    worker = Worker()
    kind = declared("later", worker, due=lambda event: clock.now() + timedelta(seconds=0.2))
    await accept([kind], Asked(ACTOR))
    (row,) = await rows()
    assert await control.cancel(row["_id"])
    async with running(kind):
        await asyncio.sleep(0.5)
        assert [row["state"] for row in await rows()] == ["cancelled"]
        assert await control.retry(row["_id"])
        await until("done")
    assert len(worker.attempts) == 1


async def test_a_job_cancelled_while_its_runner_was_gone_is_not_run_again(empty: Database) -> None:
    kind = declared("greet", Worker())
    await accept([kind], Asked(ACTOR))
    (row,) = await queue.take("default", [kind.type], "who dies", 1)
    assert await control.cancel(row["_id"])
    async with running(kind):
        await until("cancelled")


async def test_a_paused_queue_is_left_alone_until_it_is_resumed(empty: Database) -> None:
    kind = declared("greet", Worker(), queue=Queue.SLOW)
    await control.pause(Queue.SLOW)
    await accept([kind], Asked(ACTOR))
    async with running(kind), asyncio.timeout(PATIENCE):
        await asyncio.sleep(0.3)
        assert [row["state"] for row in await rows()] == ["ready"]
        await control.resume(Queue.SLOW)
        await until("done")


async def test_figures_tell_what_there_is_to_do(empty: Database) -> None:
    later = declared("later", Worker(), due=lambda event: clock.now() + timedelta(hours=1))
    kinds = [declared("greet", Worker(), queue=Queue.FAST), later]
    await accept(kinds, Asked(ACTOR), Asked(ACTOR))
    await control.pause(Queue.FAST)
    await queue.take("fast", ["greet.1"], "somebody", 1)
    figures = {one.queue: one for one in await control.figures()}
    assert figures[Queue.FAST].counts == {State.READY: 1, State.RUNNING: 1}
    assert figures[Queue.DEFAULT].counts == {State.WAITING: 2}
    assert figures[Queue.FAST].paused
    assert not figures[Queue.DEFAULT].paused
    oldest = figures[Queue.FAST].oldest_ready
    assert oldest
    assert oldest <= clock.now()
    assert figures[Queue.SLOW].counts == {}
