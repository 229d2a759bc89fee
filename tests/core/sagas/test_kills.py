"""kill -9 at the boundaries of steps: no completed step is skipped or repeated, each effect is there once."""

import asyncio
import random
import sys
from collections.abc import AsyncIterator

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from app.core import database as connection
from app.core import sagas
from app.core.changes import Sequencer
from app.core.database import Document
from app.core.sagas import Saga, SagaMoved, SagaState
from app.core.tasks import end
from tests.core.sagas.journeys import ACTOR, JOURNEY, STEPS, bookings, found, past

SECONDS = 100
BACK = [f"-{step}" for step in reversed(STEPS)]
WISHES: list[dict[str, str]] = [{}, {"fails": "flight"}, {"fails": "hotel"}, {"fails": "car"}]

Database = AsyncDatabase[Document]


@pytest.fixture
async def numbered(empty: Database) -> AsyncIterator[Database]:
    """A database whose log goes on."""
    sequencer = asyncio.create_task(Sequencer().run())
    yield empty
    await end(sequencer)


async def travelled(uri: str, mode: str) -> None:
    """Until generations of processes have brought every saga to its end."""
    command = ["-m", "tests.core.sagas.traveller", uri, connection.database().name, mode]
    process = await asyncio.create_subprocess_exec(sys.executable, *command)
    try:
        assert await asyncio.wait_for(process.wait(), SECONDS) == 0
    finally:
        if process.returncode is None:
            process.kill()


async def test_killed_at_every_boundary_of_every_step(numbered: Database, mongodb_uri: str) -> None:
    there = await sagas.start(JOURNEY, ACTOR, {})
    back = await sagas.start(JOURNEY, ACTOR, {"fails": "car"})
    await travelled(mongodb_uri, "each")
    assert await settled(numbered, there) == (SagaState.DONE, list(STEPS))
    assert await settled(numbered, back) == (SagaState.COMPENSATED, ["flight", "hotel", "car!", *BACK])
    deaths = await numbered.deaths.distinct("_id")
    # Each turn: as it comes, begun, done, moved; the car that fails is never done.
    assert len(deaths) == 3 * 4 + (6 * 4 - 1)


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_killed_at_random(numbered: Database, mongodb_uri: str, seed: int) -> None:
    luck = random.Random(seed)
    started = [(wish := luck.choice(WISHES), await sagas.start(JOURNEY, ACTOR, wish)) for _ in range(6)]
    await travelled(mongodb_uri, str(seed))
    for wish, saga in started:
        failed = wish.get("fails")
        if failed is None:
            assert await settled(numbered, saga) == (SagaState.DONE, list(STEPS))
        else:
            place = STEPS.index(failed)
            expected = [*STEPS[:place], f"{failed}!", *BACK[len(STEPS) - 1 - place :]]
            assert await settled(numbered, saga) == (SagaState.COMPENSATED, expected)
    print(f"seed {seed}: {await numbered.deaths.count_documents({})} deaths")
    assert await numbered.deaths.count_documents({}) > 5


async def settled(database: Database, saga: Saga) -> tuple[SagaState, list[str]]:
    """How a saga ended, and its history; what it did is there once, turn for turn."""
    now = await found(saga)
    booked = list(STEPS) if now.state is SagaState.DONE else []
    assert sorted(await bookings(saga)) == sorted(booked)
    told = database.log.find({"t": SagaMoved.type(), "d.saga": saga.id}).sort("_id")
    turns = [row["d"]["turn"] async for row in told]
    assert turns == list(range(1, now.turn)), "the last move tells of no further turn"
    calls = [row async for row in database.calls.find({"reference": {"$regex": f"^{saga.id}:"}}).sort("_id")]
    turns = [row["turn"] for row in calls]
    assert turns == sorted(turns), "a step was called after a later one"
    assert len({row["reference"] for row in calls}) == len(set(turns)) == now.turn - 1, "one step for each turn"
    return now.state, past(now)
