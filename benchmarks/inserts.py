"""Messages written in process, without HTTP and GraphQL. Each function runs in the writer's process and ends with it.

The processor time counted as the server's is this process's own.
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from itertools import count
from typing import Any
from uuid import uuid4

import uvloop
from bson import ObjectId

from app import startup
from app.core import database
from app.core.actor import Actor
from app.core.changes import log
from app.core.clock import new_id, now
from app.core.settings import Settings
from app.migrations import runner
from app.models import MessageDocument
from app.models.messaging.events import MessageSent
from app.services.messaging import messages
from benchmarks.clients import WARM_UP_SECONDS
from benchmarks.figures import Round
from benchmarks.processors import spent

BARE_DATABASE = "bare_inserts"
"""Beside Atrium's database, so that its sequencer has nothing to do with these."""
POLL_SECONDS = 0.002
NUMBERED_SECONDS = 60.0

Write = Callable[[int], Awaitable[object]]


def numbered(
    writers: list[Actor], rooms: list[ObjectId], in_flight: int, seconds: float, pids: Mapping[str, int]
) -> Round:
    """`messages.send`, so many at once. The clock stops when the last message has its position in the log."""

    async def send(number: int) -> None:
        actor, room = writers[number % len(writers)], rooms[number % len(rooms)]
        await messages.send(actor, messages.MessageDraft(conversation_id=room, text=f"Message {number}"))

    async def measure() -> Round:
        await write(send, in_flight, WARM_UP_SECONDS)
        before = await _quiet()
        start = time.perf_counter()
        with spent({"server": os.getpid(), **pids}) as cpu:
            times = await write(send, in_flight, seconds)
            unnumbered = await _unnumbered(before, len(times))
        return Round.of(time.perf_counter() - start, times, unnumbered, cpu)

    return connected(measure)


def bare(writers: list[Actor], rooms: list[ObjectId], in_flight: int, seconds: float, pids: Mapping[str, int]) -> Round:
    """PyMongo's `insert_one` of the same documents without events, with the same indexes and write concern."""
    like = MessageDocument(
        organization_id=writers[0].organization_id,
        conversation_id=rooms[0],
        sender_id=writers[0].user_id,
        client_message_id="",
        text="",
        sent_at=now(),
    ).encode()

    async def measure() -> Round:
        collection = database.client()[BARE_DATABASE][MessageDocument.collection]
        await collection.create_indexes(MessageDocument.Settings.indexes)

        async def insert(number: int) -> None:
            own = {
                "_id": new_id(),
                "conversation_id": rooms[number % len(rooms)],
                "sender_id": writers[number % len(writers)].user_id,
                "client_message_id": uuid4().hex,
                "text": f"Message {number}",
                "sent_at": now(),
            }
            await collection.insert_one({**like, **own})

        await write(insert, in_flight, WARM_UP_SECONDS)
        start = time.perf_counter()
        with spent({"server": os.getpid(), **pids}) as cpu:
            times = await write(insert, in_flight, seconds)
        return Round.of(time.perf_counter() - start, times, 0, cpu)

    return connected(measure)


def connected(measure: Callable[[], Coroutine[Any, Any, Round]]) -> Round:
    async def connected() -> Round:
        startup.connect(Settings())
        try:
            await runner.init_documents()
            return await measure()
        finally:
            await startup.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
        return loop.run(connected())


async def write(write: Write, in_flight: int, seconds: float) -> list[float]:
    """Keep so many writes under way; answers the seconds that each took."""
    times: list[float] = []
    numbers, deadline = count(), time.perf_counter() + seconds

    async def write_on() -> None:
        while (start := time.perf_counter()) < deadline:
            await write(next(numbers))
            times.append(time.perf_counter() - start)

    async with asyncio.TaskGroup() as group:
        for _ in range(in_flight):
            group.create_task(write_on())
    return times


async def _quiet() -> int:
    """The head of the log, once the warm-up is numbered."""
    before, head = -1, await log.head()
    while head != before:
        await asyncio.sleep(0.2)
        before, head = head, await log.head()
    return head


async def _unnumbered(before: int, expected: int) -> int:
    """Wait for the positions of so many messages; answers how many never came."""
    deadline = time.monotonic() + NUMBERED_SECONDS
    while await log.head() < before + expected and time.monotonic() < deadline:
        await asyncio.sleep(POLL_SECONDS)
    where = {"_id": {"$gt": before}, "t": MessageSent.type()}
    return expected - await log.majority().count_documents(where)
