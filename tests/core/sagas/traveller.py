"""A process that takes sagas' turns from the log and kills itself at their boundaries, again and again.

`python -m tests.core.sagas.traveller URI DATABASE each`: once at every boundary of every step.
`python -m tests.core.sagas.traveller URI DATABASE SEED`: at boundaries drawn by the seed.

It runs generation after generation until every saga is over. A turn that was begun and not finished comes again, as a
durable job would.
"""

import asyncio
import os
import random
import signal
import sys
from collections.abc import Callable
from typing import Any

from pymongo.errors import DuplicateKeyError

from app.core import database
from app.core.changes import Event
from app.core.database import collection
from app.core.sagas import Conductor, Saga, SagaMoved, SagaType, Step
from tests.core.sagas.journeys import OVER, STEPS, book, give_back

CHANCE = 0.2


def crossing(mode: str, generation: int) -> Callable[[str], Any]:
    """Called at a boundary, by its name: may never come back."""
    luck = random.Random(f"{mode}:{generation}")

    async def once(boundary: str) -> None:
        try:
            await collection("deaths").insert_one({"_id": boundary})
        except DuplicateKeyError:
            return
        os.kill(os.getpid(), signal.SIGKILL)

    async def now_and_then(boundary: str) -> None:
        if luck.random() < CHANCE:
            await once(f"{boundary} in generation {generation}")

    return once if mode == "each" else now_and_then


async def travel(uri: str, name: str, mode: str, generation: int) -> None:
    database.connect(uri, name)
    cross = crossing(mode, generation)

    def bounded(act: Any) -> Any:
        async def acting(saga: Saga) -> Any:
            await cross(f"{saga.reference} begun")
            answer = await act(saga)
            await cross(f"{saga.reference} done")
            return answer

        return acting

    steps = [Step(step, bounded(book), bounded(give_back), attempts=100) for step in STEPS]
    conductor = Conductor(SagaType("journey", *steps))
    while await collection("sagas").count_documents({"state": {"$nin": [state.value for state in OVER]}}):
        for row in await collection("log").find({"t": SagaMoved.type()}).sort("_id").to_list():
            if await collection("taken").find_one({"_id": row["_id"]}):
                continue
            moved = Event.read(row)
            assert isinstance(moved, SagaMoved)
            await cross(f"{moved.saga}:{moved.turn} comes")
            await conductor.take(moved)
            await cross(f"{moved.saga}:{moved.turn} moved")
            await collection("taken").insert_one({"_id": row["_id"]})
        await asyncio.sleep(0.01)
    await database.close()


def main(uri: str, name: str, mode: str) -> None:
    for generation in range(1_000):
        child = os.fork()
        if not child:
            asyncio.run(travel(uri, name, mode, generation))
            os._exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status == 0:
            return
        assert status == -signal.SIGKILL, status


if __name__ == "__main__":
    main(*sys.argv[1:])
