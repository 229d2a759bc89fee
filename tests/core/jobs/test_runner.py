"""The runner: every job is seen to its end, whatever happens to who does it."""

import asyncio
import random
import sys
from collections import Counter
from contextlib import suppress
from datetime import timedelta

import pytest
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from app.core import clock, signals
from app.core.database import Document
from app.core.jobs import Backoff, Job, Permanent, Runner, control, endings, queue, runner
from tests.core.jobs.tasks import ACTOR, PATIENCE, Asked, Worker, accept, declared, rows, running, taken, until

Database = AsyncDatabase[Document]


async def fail(job: Job[Asked]) -> None:
    raise ConnectionError(f"no answer to attempt {job.attempt}")


async def hang(job: Job[Asked]) -> None:
    await asyncio.Event().wait()


async def test_a_job_that_fails_is_tried_again(empty: Database) -> None:
    worker = Worker(fail, fail)
    kind = declared("greet", worker)
    await accept([kind], Asked(ACTOR))
    async with running(kind):
        (row,) = await until("done")
    assert [attempt.attempt for attempt in worker.attempts] == [1, 2, 3]
    assert len({attempt.id for attempt in worker.attempts}) == 1
    assert row["finished_at"]
    assert not {"due", "owner"} & set(row)


async def test_a_job_whose_attempts_are_used_up_is_dead_and_says_why(empty: Database) -> None:
    worker = Worker(fail, fail, fail)
    kind = declared("greet", worker, attempts=3)
    await accept([kind], Asked(ACTOR))
    async with running(kind):
        (row,) = await until("dead")
    assert len(worker.attempts) == 3
    assert row["last_error"] == "ConnectionError('no answer to attempt 3')"
    assert "due" not in row
    assert "finished_at" not in row, "dead jobs are kept"


async def test_a_permanent_failure_is_not_tried_again(empty: Database) -> None:
    async def refuse(job: Job[Asked]) -> None:
        raise Permanent("$set is no such mailbox")

    worker = Worker(refuse)
    kind = declared("greet", worker)
    await accept([kind], Asked(ACTOR))
    async with running(kind):
        (row,) = await until("dead")
    assert (len(worker.attempts), row["last_error"]) == (1, "Permanent('$set is no such mailbox')")


async def test_a_job_that_takes_too_long_is_tried_again(empty: Database) -> None:
    worker = Worker(hang)
    kind = declared("greet", worker, timeout=0.1)
    await accept([kind], Asked(ACTOR))
    async with running(kind):
        await until("done")
    assert len(worker.attempts) == 2


async def test_a_job_that_cancels_itself_has_failed(empty: Database) -> None:
    async def give_up(job: Job[Asked]) -> None:
        raise asyncio.CancelledError

    worker = Worker(give_up)
    kind = declared("greet", worker)
    await accept([kind], Asked(ACTOR))
    async with running(kind):
        await until("done")
    assert len(worker.attempts) == 2


def test_pauses_grow_at_random_up_to_their_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """R6: full jitter."""
    backoff = Backoff(first=2, longest=3600)
    drawn = [[backoff.pause(attempt) for _ in range(200)] for attempt in (1, 2, 3)]
    for longest, pauses in zip((2, 4, 8), drawn, strict=True):
        assert 0 <= min(pauses) < longest / 4
        assert longest * 3 / 4 < max(pauses) <= longest
    monkeypatch.setattr(random, "random", lambda: 1.0)
    assert [backoff.pause(attempt) for attempt in (1, 2, 3, 40, 5_000)] == [2, 4, 8, 3600, 3600]


async def test_a_job_waits_until_it_is_due(empty: Database) -> None:
    due, started = clock.now() + timedelta(seconds=0.7), []

    async def start(job: Job[Asked]) -> None:
        started.append(clock.now())

    late = declared("late", Worker(start), due=lambda event: due)
    much_later = declared("later", Worker(), due=lambda event: due + timedelta(days=1))
    await accept([late, much_later], Asked(ACTOR))
    async with running(late, much_later), asyncio.timeout(PATIENCE):
        while not started:
            await asyncio.sleep(0.02)
    assert started[0] >= due
    assert {row["type"]: row["state"] for row in await rows()}["later.1"] == "waiting"


async def test_a_runner_looks_at_once_when_it_is_told_to(empty: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "POLL", 3600)
    worker = Worker()
    kind = declared("greet", worker)
    async with running(kind) as runs, asyncio.timeout(PATIENCE):
        await accept([kind], Asked(ACTOR))
        while not worker.attempts:
            runs.look()
            await asyncio.sleep(0.02)


async def test_an_unknown_type_is_left_alone(empty: Database) -> None:
    """A release that does not know a job yet must not touch it; one that does finds it as it was."""
    known, unknown = declared("known", Worker()), declared("unknown", Worker())
    await accept([unknown, known], Asked(ACTOR))
    before = (await rows())[1]
    async with running(known), asyncio.timeout(PATIENCE):
        while (await rows())[0]["state"] != "done":
            await asyncio.sleep(0.02)
    assert (await rows())[1] == before
    async with running(unknown):
        await until("done")


async def test_many_runners_do_each_job_once(empty: Database) -> None:
    worker = Worker()
    kind = declared("greet", worker)
    await accept([kind], *(Asked(ACTOR) for _ in range(60)))
    async with running(kind), running(kind), running(kind):
        await until("done")
    assert Counter(Counter(attempt.id for attempt in worker.attempts).values()) == {1: 60}


async def test_runners_that_look_at_once_share_what_there_is(empty: Database) -> None:
    kind = declared("greet", Worker())
    await accept([kind], *(Asked(ACTOR) for _ in range(20)))
    await asyncio.gather(*(empty.jobs.find_one() for _ in range(8)))  # so that each has a connection
    shares = await asyncio.gather(*(queue.take(kind.queue, [kind.type], f"runner {n}", 20) for n in range(4)))
    taken = [row["_id"] for share in shares for row in share]
    assert len(taken) == len(set(taken)) == 20
    assert {row["attempt"] for row in await rows()} == {1}


async def test_a_lease_is_renewed_while_the_job_runs(empty: Database) -> None:
    async def work(job: Job[Asked]) -> None:
        await asyncio.sleep(3 * queue.LEASE)

    worker = Worker(work)
    kind = declared("slow", worker)
    await accept([kind], Asked(ACTOR))
    async with running(kind), running(kind):
        await until("done")
    assert len(worker.attempts) == 1


async def test_a_runner_that_overslept_its_lease_changes_nothing(empty: Database) -> None:
    """R4: only the attempt that holds the job writes down how it ended."""
    kind = declared("greet", Worker())
    await accept([kind], Asked(ACTOR))
    overslept = await taken(kind, "first")
    second = await taken(kind, "second")
    running_row = await rows()
    assert await queue.renew("first", [overslept["_id"]]) == {}
    await endings.finish(overslept, {"late": True})
    await endings.give_back(overslept)
    await endings.retry(overslept, "late", 0)
    await endings.bury(overslept, "late")
    await endings.end_cancelled(overslept)
    assert await rows() == running_row
    await endings.finish(second, None)
    assert [row["state"] for row in await rows()] == ["done"]


async def test_a_postponed_job_loses_no_attempt(empty: Database) -> None:
    class Busy(Exception):
        retry_after = 0.05

    async def later(job: Job[Asked]) -> None:
        raise Busy

    worker = Worker(later, later, later, later)
    kind = declared("greet", worker, attempts=2)
    await accept([kind], Asked(ACTOR))
    async with running(kind):
        await until("done")
    assert [attempt.attempt for attempt in worker.attempts] == [1] * 5


async def test_a_running_job_can_be_cancelled(empty: Database, redis_url: str) -> None:
    """A hint stops it at once; without Redis the next renewal of its lease does."""
    for connect in (signals.connect, lambda url: None):
        connect(redis_url)
        worker = Worker(hang)
        kind = declared("greet", worker, timeout=3600)
        asked = Asked(ACTOR)
        await accept([kind], asked)
        id = queue.id_of(kind.type, str(asked.id))
        async with running(kind), asyncio.timeout(PATIENCE):
            while not worker.attempts:
                await asyncio.sleep(0.02)
            assert await control.cancel(id)
            await until("cancelled")
        assert not await control.cancel(id)
        await signals.close()


async def test_a_job_that_was_overtaken_is_stopped(empty: Database) -> None:
    stopped = asyncio.Event()

    async def work(job: Job[Asked]) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    kind = declared("greet", Worker(work))
    await accept([kind], Asked(ACTOR))
    async with running(kind), asyncio.timeout(PATIENCE):
        while (await rows())[0]["state"] != "running":
            await asyncio.sleep(0.02)
        await empty.jobs.update_one({}, {"$set": {"owner": "somebody else", "due": clock.now() + timedelta(hours=1)}})
        await stopped.wait()
    assert (await rows())[0]["owner"] == "somebody else"


async def test_a_cancelled_runner_lets_its_jobs_end(empty: Database) -> None:
    entered, leave = asyncio.Event(), asyncio.Event()

    async def work(job: Job[Asked]) -> None:
        entered.set()
        await leave.wait()

    kind = declared("greet", Worker(work))
    await accept([kind], Asked(ACTOR))
    task = asyncio.create_task(Runner([kind]).run())
    await asyncio.wait_for(entered.wait(), PATIENCE)
    task.cancel()
    leave.set()
    with suppress(asyncio.CancelledError):
        await task
    assert [row["state"] for row in await rows()] == ["done"]


async def test_a_job_that_does_not_end_in_time_is_handed_back(empty: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "GRACE", 0.05)
    worker = Worker(hang)
    kind = declared("greet", worker)
    await accept([kind], Asked(ACTOR))
    async with running(kind), asyncio.timeout(PATIENCE):
        while not worker.attempts:
            await asyncio.sleep(0.02)
    (row,) = await rows()
    assert (row["state"], row["attempt"]) == ("ready", 0)
    assert not {"due", "owner"} & set(row)


async def test_a_job_outlives_the_process_that_is_killed_in_its_middle(empty: Database) -> None:
    """JOB-2: it runs again when the lease is over, and what it makes under its id is there once."""
    asked = Asked(ACTOR, what="kill")
    kind = declared("make", Worker())
    await accept([kind], asked)
    child = await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.core.jobs.worker", empty.name)
    async with asyncio.timeout(PATIENCE):
        while not await empty.made.find_one({}):
            await asyncio.sleep(0.02)
    child.kill()
    await child.wait()
    assert [row["state"] for row in await rows()] == ["running"]

    async def make(job: Job[Asked]) -> None:
        with suppress(DuplicateKeyError):
            await empty.made.insert_one({"_id": job.id})

    worker = Worker(make)
    kind = declared("make", worker)
    async with running(kind):
        await until("done")
    assert [attempt.attempt for attempt in worker.attempts] == [2]
    assert await empty.made.count_documents({}) == 1


async def test_a_job_that_a_dead_process_holds_is_in_nobody_s_way(empty: Database) -> None:
    """Killed inside a transaction, it leaves its documents locked until the server ends that."""
    kind = declared("greet", Worker())
    await accept([kind], Asked(ACTOR), Asked(ACTOR))
    held, other = await queue.take(kind.queue, [kind.type], "dead", 2)
    async with empty.client.start_session() as left, running(kind), asyncio.timeout(PATIENCE):
        await left.start_transaction()
        await empty.jobs.update_one({"_id": held["_id"]}, {"$set": {"state": "done"}}, session=left)
        while not await empty.jobs.find_one({"_id": other["_id"], "state": "done"}):
            await asyncio.sleep(0.02)
        assert await empty.jobs.find_one({"_id": held["_id"]}, session=left), "the transaction is still there"
        await left.abort_transaction()
        await until("done")


async def test_a_job_that_kills_every_process_is_given_up(empty: Database) -> None:
    worker = Worker()
    kind = declared("greet", worker, attempts=2)
    await accept([kind], Asked(ACTOR))
    for owner in ("first", "second"):
        await taken(kind, owner)
    async with running(kind):
        (row,) = await until("dead")
    assert not worker.attempts
    assert "process ended" in row["last_error"]
