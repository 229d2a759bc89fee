"""Who comes first: priorities, and organizations by turns."""

import asyncio
from typing import Any

import pytest
from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from app.core.actor import Actor
from app.core.database import Document
from app.core.jobs import Job, Priority, queue, runner
from tests.core.jobs.tasks import ACTOR, PATIENCE, Asked, Worker, accept, declared, running

Database = AsyncDatabase[Document]

BIG, SMALL, OTHER = (Actor(ObjectId(), ObjectId()) for _ in range(3))


async def order(kind: Any, most: int = 1000) -> list[Any]:
    """The organizations of all ready jobs, in the order in which they would be taken."""
    return [row["organization_id"] for row in await queue.take(kind.queue, [kind.type], "all", most)]


async def test_one_job_waits_for_no_crowd(empty: Database) -> None:
    """Each organization has one turn in a round, whenever its jobs came."""
    kind = declared("greet", Worker())
    await accept([kind], *(Asked(BIG) for _ in range(300)))
    await accept([kind], Asked(SMALL), Asked(OTHER))
    await accept([kind], *(Asked(BIG) for _ in range(5)), Asked(SMALL))
    first = await order(kind)
    assert first.index(SMALL.organization_id) <= 2
    assert first.index(OTHER.organization_id) <= 2
    assert [n for n, id in enumerate(first) if id == SMALL.organization_id][1] <= 5
    assert len(first) == 308


async def test_who_was_served_much_is_not_punished_later(empty: Database) -> None:
    kind = declared("greet", Worker())
    await accept([kind], *(Asked(BIG) for _ in range(50)))
    assert len(await order(kind)) == 50
    await accept([kind], *(Asked(SMALL) for _ in range(20)), Asked(BIG))
    assert (await order(kind)).index(BIG.organization_id) <= 1


async def test_what_is_over_is_forgotten_though_a_job_is_left_that_nobody_takes(empty: Database) -> None:
    """A type that only a newer release knows keeps its turn; who was served meanwhile owes nothing."""
    unknown, kind = declared("unknown", Worker()), declared("greet", Worker())
    await accept([unknown], Asked(OTHER))
    await accept([kind], *(Asked(BIG) for _ in range(50)))
    assert len(await order(kind)) == 50
    await accept([kind], *(Asked(SMALL) for _ in range(20)), Asked(BIG))
    assert (await order(kind)).index(BIG.organization_id) <= 1


async def test_a_turn_costs_one_key_of_an_index_however_large_the_crowd(empty: Database) -> None:
    kind = declared("greet", Worker())
    await accept([kind], *(Asked(BIG) for _ in range(300)), Asked(SMALL))
    await empty.command("profile", 2)
    await accept([kind], Asked(BIG), Asked(SMALL))
    await empty.command("profile", 0)
    asked = await empty["system.profile"].find({"command.find": "jobs"}).to_list()
    assert [one["keysExamined"] for one in asked] == [1] * 3


async def test_many_organizations_at_once_get_their_turns(empty: Database) -> None:
    kind, crowd = declared("greet", Worker()), [Actor(ObjectId(), ObjectId()) for _ in range(40)]
    for _ in range(2):
        await accept([kind], *(Asked(one) for one in crowd))
    taken = await order(kind)
    assert set(taken[:40]) == set(taken[40:]) == {one.organization_id for one in crowd}


async def test_priorities_come_first_and_keep_their_own_turns(empty: Database) -> None:
    low, normal, high = (
        declared(f"p{priority}", Worker(), priority=priority) for priority in sorted(Priority, reverse=True)
    )
    await accept([low, normal, high], *(Asked(BIG) for _ in range(3)), Asked(SMALL))
    taken = await queue.take("default", [kind.type for kind in (low, normal, high)], "all", 100)
    assert [row["priority"] for row in taken] == [0] * 4 + [1] * 4 + [2] * 4
    assert taken[0]["organization_id"] != taken[1]["organization_id"]


async def test_r10_jobs_that_hang_leave_room_for_others(empty: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five hundred jobs of one organization never end; another's starts all the same."""
    monkeypatch.setattr(runner, "GRACE", 0.1)
    started = asyncio.Event()

    async def work(job: Job[Asked]) -> None:
        if job.event.actor.organization_id != BIG.organization_id:
            started.set()
            return
        await asyncio.Event().wait()

    kind = declared("greet", Worker(*[work] * 600), timeout=3600)
    await accept([kind], *(Asked(BIG) for _ in range(500)))
    async with running(kind, slots=8), asyncio.timeout(PATIENCE):
        while await empty.jobs.count_documents({"state": "running"}) < 6:
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.2)
        assert await empty.jobs.count_documents({"state": "running"}) == 6, "a quarter is kept free for others"
        await accept([kind], Asked(ACTOR))
        await started.wait()
