"""Sagas by the worker's own loops: each turn is a durable job."""

import asyncio
from datetime import timedelta
from typing import Any, cast

import pytest
from bson import ObjectId

from app.core import clock, database, sagas
from app.core.actor import Actor
from app.core.jobs import control
from app.core.sagas import Answer, Conductor, Saga, SagaState, SagaType, Step
from app.jobs.platform import sagas as jobs
from tests.jobs.working import PATIENCE, Worker


async def step(saga: Saga) -> Answer:
    return {saga.step: True}


TOMORROW = SagaType("of_tomorrow", Step("one", step), Step("two", step))


async def test_a_saga_of_a_newer_release_waits_for_its_worker(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    saga = await sagas.start(TOMORROW, Actor.platform(ObjectId()), {})
    stored = await database.collection("sagas").find_one({"_id": saga.id})
    job = await until("jobs", {"event.d.saga": saga.id, "state": "retry"})
    assert (job["attempt"], "UnknownSaga" in job["last_error"]) == (0, True), "it costs no attempt"
    assert await database.collection("sagas").find_one({"_id": saga.id}) == stored
    monkeypatch.setattr(jobs, "_conductor", Conductor(TOMORROW))
    await database.collection("jobs").update_one({"_id": job["_id"]}, {"$set": {"due": clock.now()}})
    done = await until("sagas", {"_id": saga.id, "state": SagaState.DONE.value})
    assert done["data"] == {"one": True, "two": True}


async def test_cancelling_the_job_of_a_running_step_does_not_end_the_saga(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does it keep staff from cancelling the saga itself."""
    held = asyncio.Event()

    async def hold(saga: Saga) -> Answer:
        await held.wait()
        return {"held": True}

    async def let_go(saga: Saga) -> Answer:
        return {"let_go": True}

    kind = SagaType("holding", Step("hold", hold, let_go))
    monkeypatch.setattr(jobs, "_conductor", Conductor(kind))
    kept, unwanted = [await sagas.start(kind, Actor.platform(ObjectId()), {}) for _ in range(2)]
    for saga in (kept, unwanted):
        await until("sagas", {"_id": saga.id, "working": True})
        await cancelled_job(saga)
    assert (await sagas.cancel(unwanted.id, "not any more")).state is SagaState.RUNNING
    held.set()
    assert await recovered(kept, unwanted) == 2
    assert (await until("sagas", {"_id": kept.id, "state": "done"}))["data"] == {"held": True}
    assert (await until("sagas", {"_id": unwanted.id, "state": "cancelled"}))["data"] == {"let_go": True}


async def test_cancelling_the_job_of_a_waiting_step_does_not_end_the_saga(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = SagaType("patient", Step("one", step, due=lambda saga: clock.now() + timedelta(days=14)))
    monkeypatch.setattr(jobs, "_conductor", Conductor(kind))
    saga = await sagas.start(kind, Actor.platform(ObjectId()), {})
    await until("jobs", {"event.d.saga": saga.id, "state": "waiting"})
    await cancelled_job(saga)
    assert await recovered(saga) == 1
    await until("sagas", {"_id": saga.id, "state": "done"})


async def test_a_saga_whose_job_is_only_late_keeps_its_turn(idle: Worker) -> None:
    """Else its new job would stand behind all others, again and again, as long as the queue is long."""
    idle.start(doing=())
    saga = await sagas.start(TOMORROW, Actor.platform(ObjectId()), {})
    await until("jobs", {"event.d.saga": saga.id, "state": "ready"})
    assert await recovered(saga) == 0
    await database.collection("jobs").delete_one({"event.d.saga": saga.id})
    assert await recovered(saga) == 1


async def cancelled_job(saga: Saga) -> None:
    job = await until("jobs", {"event.d.saga": saga.id, "event.d.turn": saga.turn})
    assert await control.cancel(job["_id"])
    await until("jobs", {"_id": job["_id"], "state": "cancelled"})


async def recovered(*lost: Saga) -> int:
    """Look for lost sagas when everything about these was long ago; answers how many were found."""
    long_ago = dict.fromkeys(("due", "changed_at"), clock.now() - timedelta(hours=1))
    await database.collection("sagas").update_many({"_id": {"$in": [one.id for one in lost]}}, {"$set": long_ago})
    result = await jobs.recover_sagas.run(cast("Any", None))
    assert result
    return cast("int", result["recovered"])


async def until(collection: str, where: dict[str, Any]) -> dict[str, Any]:
    async with asyncio.timeout(PATIENCE):
        while not (found := await database.collection(collection).find_one(where)):
            await asyncio.sleep(0.02)
        return found
