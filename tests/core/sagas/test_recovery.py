"""Sagas that nobody moves any more are found and go on; those that somebody moves are left alone."""

from datetime import timedelta

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from app.core import clock, sagas
from app.core.database import Document
from app.core.sagas import Saga, SagaState, moves
from app.core.sagas.recovery import OVERDUE
from tests.core.sagas.journeys import ACTOR, JOURNEY, STEPS, found, past, turn, walk
from tests.core.sagas.test_sagas import CONDUCTOR

Database = AsyncDatabase[Document]
LONG_AGO = clock.now() - timedelta(seconds=OVERDUE + 60)


async def aged(empty: Database, *columns: str) -> Saga:
    """A saga of which these moments are long ago."""
    saga = await sagas.start(JOURNEY, ACTOR, {})
    await empty.sagas.update_one({"_id": saga.id}, {"$set": dict.fromkeys(columns, LONG_AGO)})
    return saga


async def test_a_saga_is_overdue_when_its_turn_came_long_ago_and_nobody_touched_it_since(empty: Database) -> None:
    for columns in ((), ("due",), ("changed_at",)):
        await aged(empty, *columns)
    lost = [await aged(empty, "due", "changed_at") for _ in range(3)]
    assert [saga.id for saga in await sagas.overdue(2)] == [saga.id for saga in lost[:2]]
    assert await moves.begin(lost[0]), "its step may take a while from now"
    assert [saga.id for saga in await sagas.overdue(10)] == [saga.id for saga in lost[1:]]


async def test_what_has_ended_or_waits_for_somebody_is_never_overdue(empty: Database) -> None:
    done = await walk(await sagas.start(JOURNEY, ACTOR, {}), CONDUCTOR)
    stuck = await walk(await sagas.start(JOURNEY, ACTOR, {"fails": "car", "keeps": "hotel"}), CONDUCTOR)
    assert (done.state, stuck.state) == (SagaState.DONE, SagaState.STUCK)
    await empty.sagas.update_many({}, {"$set": {"changed_at": LONG_AGO}})
    assert await sagas.overdue(10) == []


async def test_looking_for_them_reads_no_saga_whose_time_is_to_come(empty: Database) -> None:
    for _ in range(20):
        saga = await aged(empty, "changed_at")
        await empty.sagas.update_one({"_id": saga.id}, {"$set": {"due": clock.now() + timedelta(days=14)}})
    await empty.command("profile", 2)
    assert await sagas.overdue(10) == []
    await empty.command("profile", 0)
    seen = await empty["system.profile"].find_one({"ns": f"{empty.name}.sagas", "op": "query"})
    assert seen
    assert (seen["docsExamined"], seen["planSummary"]) == (0, "IXSCAN { due: 1 }")


@pytest.mark.parametrize("stop", [None, "not any more"])
async def test_a_saga_whose_step_was_abandoned_goes_on(empty: Database, stop: str | None) -> None:
    saga = await aged(empty, "due")
    assert await moves.begin(saga)  # and then its job was cancelled
    await empty.sagas.update_one({"_id": saga.id}, {"$set": {"changed_at": LONG_AGO}})
    if stop:
        assert (await sagas.cancel(saga.id, stop)).state is SagaState.RUNNING
    (lost,) = await sagas.overdue(10)
    assert await sagas.recover(lost)
    assert not await sagas.recover(lost), "once"
    moved = await found(saga)
    assert (moved.turn, moved.working, moved.attempt) == (2, False, 1)
    await CONDUCTOR.take(turn(saga))
    assert await found(saga) == moved, "what was lost and comes after all does nothing"
    saga = await walk(saga, CONDUCTOR)
    assert past(saga) == (["-flight"] if stop else list(STEPS))


async def test_a_saga_that_is_begun_meanwhile_is_left_alone(empty: Database) -> None:
    saga = await aged(empty, "due", "changed_at")
    (late,) = await sagas.overdue(10)
    assert await moves.begin(saga)
    assert not await sagas.recover(late)
    assert (await found(saga)).turn == 1
