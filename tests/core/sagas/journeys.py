"""A small domain of sagas: a journey is booked, flight, hotel and car, or everything is given back."""

import asyncio
from contextlib import suppress
from typing import Any

from bson import ObjectId
from pymongo.errors import DuplicateKeyError

from app.core import clock, sagas
from app.core.actor import Actor
from app.core.database import collection
from app.core.jobs import Backoff, Permanent
from app.core.sagas import Answer, Conductor, Saga, SagaMoved, SagaState, SagaType, Step

PATIENCE = 20
ACTOR = Actor(ObjectId(), ObjectId())
OVER = {SagaState.DONE, SagaState.COMPENSATED, SagaState.CANCELLED, SagaState.STUCK}
STEPS = ("flight", "hotel", "car")


async def note(saga: Saga) -> None:
    await collection("calls").insert_one({"_id": clock.new_id(), "reference": saga.reference, "turn": saga.turn})


async def book(saga: Saga) -> Answer:
    """Book what the step is called, or fail as the journey wants it."""
    await note(saga)
    if saga.data.get("fails") == saga.step:
        raise Permanent(f"no {saga.step}")
    if saga.data.get("stumbles") == saga.step and saga.attempt < 3:
        raise ConnectionError(f"attempt {saga.attempt}")
    with suppress(DuplicateKeyError):
        await collection("bookings").insert_one({"_id": saga.reference, "saga": saga.id, "step": saga.step})
    return {saga.step: "booked"}


async def give_back(saga: Saga) -> Answer:
    await note(saga)
    if saga.data.get("keeps") == saga.step:
        raise Permanent(f"the {saga.step} cannot be given back")
    await collection("bookings").delete_one({"saga": saga.id, "step": saga.step})
    return None


def steps(**options: Any) -> list[Step]:
    return [Step(name, book, give_back, backoff=Backoff(0.01, 0.02), **options) for name in STEPS]


JOURNEY = SagaType("journey", *steps(attempts=50))


async def walk(saga: Saga, conductor: Conductor) -> Saga:
    """Take its turns, as durable jobs would, until it is over; the saga as it is then."""
    async with asyncio.timeout(PATIENCE):
        while True:
            now = await found(saga)
            if now.state in OVER:
                return now
            assert now.due
            if (wait := (now.due - clock.now()).total_seconds()) > 0:
                await asyncio.sleep(wait)
            await conductor.take(turn(now))


async def found(saga: Saga) -> Saga:
    row = await sagas.find({"_id": saga.id})
    assert row
    return row


def turn(saga: Saga) -> SagaMoved:
    """What the present turn of a saga has told."""
    assert saga.due
    return SagaMoved(ACTOR, saga=saga.id, turn=saga.turn, due=saga.due)


async def bookings(saga: Saga) -> list[str]:
    return [row["step"] async for row in collection("bookings").find({"saga": saga.id}).sort("_id")]


def past(saga: Saga) -> list[str]:
    """Its history: what was done, and `-` before what was taken back; `!` behind what failed."""
    return [f"{'-' * one.undone}{one.step}{'!' * bool(one.error)}" for one in saga.history]
