"""How attempts end, when more than the job goes wrong."""

import asyncio
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import AutoReconnect, OperationFailure

from app.core import changes
from app.core.clock import now
from app.core.database import Document
from app.core.jobs import Job, Permanent, control, due, endings, queue, runner
from app.core.jobs.attempt import check_result
from app.core.jobs.due import make_due_ready
from tests.core.jobs.tasks import ACTOR, PATIENCE, Asked, Worker, accept, declared, rows, running, taken, until

Database = AsyncDatabase[Document]


async def test_an_end_that_the_server_refuses_fails_no_other(empty: Database) -> None:
    kind = declared("greet", Worker())
    await accept([kind], *(Asked(ACTOR) for _ in range(5)))
    deep: dict[str, Any] = {}
    for _ in range(198):
        deep = {"d": deep}
    leased = await queue.take(kind.queue, [kind.type], "somebody", 5)
    ends = [endings.finish(row, deep if n == 2 else {"n": n}) for n, row in enumerate(leased)]
    answers = await asyncio.gather(*ends, return_exceptions=True)
    assert isinstance(answers[2], OperationFailure)
    assert [answer for n, answer in enumerate(answers) if n != 2] == [None] * 4
    assert sorted(row["state"] for row in await rows()) == ["done"] * 4 + ["running"]


async def test_a_lease_is_never_taken_for_an_older_one(empty: Database) -> None:
    """R4: staff begins the counting of attempts anew, and the fence tells the leases apart all the same."""
    kind = declared("greet", Worker())
    await accept([kind], Asked(ACTOR))
    overslept = await taken(kind, "first")
    second = await taken(kind, "second")
    await endings.bury(second, "on purpose")
    assert await control.retry(second["_id"])
    (again,) = await queue.take(kind.queue, [kind.type], "first", 1)
    assert (again["attempt"], again["owner"]) == (overslept["attempt"], overslept["owner"])
    await endings.finish(overslept, {"late": True})
    assert [row["state"] for row in await rows()] == ["running"]
    held = await queue.renew("first", [again["_id"]])
    assert held[again["_id"]]["token"] == again["token"] != overslept["token"]


async def test_a_job_done_is_not_done_again_because_its_end_could_not_be_written(
    empty: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "FINISH_PAUSES", (0.01, 0.01))
    finish, failures = endings.finish, 2

    async def away(row: Document, result: Any) -> None:
        nonlocal failures
        if failures:
            failures -= 1
            raise AutoReconnect("the primary is gone")
        await finish(row, result)

    monkeypatch.setattr(endings, "finish", away)
    worker = Worker()
    kind = declared("greet", worker, attempts=1)
    await accept([kind], Asked(ACTOR))
    async with running(kind):
        await until("done")
    assert len(worker.attempts) == 1


async def test_an_end_in_a_scope_that_was_taken_back_is_no_end(empty: Database) -> None:
    async def work(job: Job[Asked]) -> None:
        @changes.atomic
        async def book() -> None:
            await job.finish()
            raise LookupError

        with pytest.raises(LookupError):
            await book()

    worker = Worker(work)
    kind = declared("book", worker)
    await accept([kind], Asked(ACTOR))
    async with running(kind):
        await until("done")
    assert len(worker.attempts) == 1


async def test_a_cancelled_job_that_is_handed_back_is_not_run_again(empty: Database) -> None:
    kind = declared("greet", Worker())
    await accept([kind], Asked(ACTOR))
    leased = await taken(kind, "who stops")
    assert await control.cancel(leased["_id"])
    await endings.give_back(leased)
    (row,) = await rows()
    assert row["state"] == "cancelled"
    assert row["finished_at"]


async def test_renewals_outlive_whatever_happens_to_them(empty: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    renew, failures = queue.renew, 2

    async def strange(owner: str, ids: Any) -> Any:
        nonlocal failures
        if failures:
            failures -= 1
            raise OSError("strange")
        return await renew(owner, ids)

    monkeypatch.setattr(queue, "renew", strange)

    async def work(job: Job[Asked]) -> None:
        await asyncio.sleep(4 * queue.LEASE)

    kind = declared("slow", Worker(work), timeout=3600)
    await accept([kind], Asked(ACTOR))
    async with running(kind):
        await until("done")
    assert failures == 0


async def test_what_was_leased_in_an_answer_that_got_lost_is_done_by_who_leased_it(
    empty: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "LEASE", 3600.0)
    take, lost = queue.take, False

    async def losing(*args: Any, **options: Any) -> list[Document]:
        nonlocal lost
        found = await take(*args, **options)
        if found and not lost:
            lost = True
            raise AutoReconnect("the answer is lost")
        return found

    monkeypatch.setattr(queue, "take", losing)
    worker = Worker()
    kind = declared("greet", worker, attempts=1)
    await accept([kind], Asked(ACTOR), Asked(ACTOR))
    async with running(kind):
        await until("done")
    assert lost
    assert [attempt.attempt for attempt in worker.attempts] == [1, 1]


async def test_those_that_fell_silent_together_twice_come_again_apart(empty: Database) -> None:
    """One of them may have ended the process, and would end the next one with all that is beside it."""
    kind = declared("greet", Worker())
    await accept([kind], *(Asked(ACTOR) for _ in range(8)))
    for attempt in (1, 2):
        assert len(await queue.take(kind.queue, [kind.type], "poisoned", 8)) == 8
        await asyncio.sleep(queue.LEASE + 0.1)
        assert await make_due_ready() == (8, {kind.queue} if attempt == 1 else set())
    again = await rows()
    assert {row["state"] for row in again} == {"retry"}
    moments = sorted(row["due"] for row in again)
    assert (moments[-1] - moments[0]).total_seconds() > 0.5
    assert (moments[-1] - now()).total_seconds() < due.APART
    assert not any("owner" in row for row in again)


async def test_silence_means_nothing_while_runners_could_not_speak(empty: Database) -> None:
    """After a database that was away for longer than leases last, runners renew first."""
    kind = declared("greet", Worker(), attempts=1)
    await accept([kind], Asked(ACTOR))
    leased = await taken(kind, "who could not renew")
    await asyncio.sleep(queue.LEASE + 0.1)
    assert await make_due_ready(silent=False) == (0, set())
    assert leased["_id"] in await queue.renew("who could not renew", [leased["_id"]])
    assert await make_due_ready() == (0, set())
    assert [row["state"] for row in await rows()] == ["running"]


async def test_text_that_cannot_be_stored_is_refused_once(empty: Database) -> None:
    async def work(job: Job[Asked]) -> dict[str, str]:
        return {"text": "\ud800"}

    worker = Worker(work)
    kind = declared("greet", worker)
    await accept([kind], Asked(ACTOR))
    async with running(kind):
        (row,) = await until("dead")
    assert "its result cannot be kept" in row["last_error"]
    assert len(worker.attempts) == 1


def test_a_result_that_mongodb_would_not_nest_is_refused() -> None:
    deep: Any = {}
    for _ in range(60):
        deep = {"d": [deep]}
    with pytest.raises(Permanent, match="nested deeper than 50 levels"):
        check_result(deep)


async def test_secrets_of_an_error_are_not_kept(empty: Database) -> None:
    async def fail(job: Job[Asked]) -> None:
        raise Permanent("mongodb://atrium:hunter2@db.example.com/ does not answer")

    kind = declared("greet", Worker(fail))
    await accept([kind], Asked(ACTOR))
    async with running(kind), asyncio.timeout(PATIENCE):
        (row,) = await until("dead")
    assert "hunter2" not in row["last_error"]
