"""Sagas by the worker's own loops: each turn is a durable job."""

import asyncio
from typing import Any

import pytest
from bson import ObjectId

from app.core import clock, database, sagas
from app.core.actor import Actor
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


async def until(collection: str, where: dict[str, Any]) -> dict[str, Any]:
    async with asyncio.timeout(PATIENCE):
        while not (found := await database.collection(collection).find_one(where)):
            await asyncio.sleep(0.02)
        return found
