"""How jobs are enqueued: at a pace, or as fast as it goes."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

IN_FLIGHT = 32


@dataclass(frozen=True, slots=True)
class Order:
    """The numbers of the jobs to enqueue, how many a second (0: as many as go), and how slow each is."""

    numbers: Sequence[int]
    pace: float = 0.0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Sent:
    """When each job's call began, by its number, and when the last call returned: seconds of the monotonic clock."""

    begun: dict[int, float]
    ended: float


async def send(order: Order, enqueue: Callable[[int], Awaitable[object]]) -> Sent:
    """Call `enqueue` for every job; without a pace, IN_FLIGHT at once."""
    begun: dict[int, float] = {}
    numbers = iter(order.numbers)

    async def call(number: int) -> None:
        begun[number] = time.monotonic()
        await enqueue(number)

    async def call_on() -> None:
        for number in numbers:
            await call(number)

    async with asyncio.TaskGroup() as group:
        if not order.pace:
            for _ in range(IN_FLIGHT):
                group.create_task(call_on())
        start = time.monotonic()
        for turn, number in enumerate(order.numbers if order.pace else ()):
            await asyncio.sleep(start + turn / order.pace - time.monotonic())
            group.create_task(call(number))
    return Sent(begun, time.monotonic())


def send_blocking(order: Order, enqueue: Callable[[int], object]) -> Sent:
    """The same for a function that blocks: one call after another."""
    begun: dict[int, float] = {}
    start = time.monotonic()
    for turn, number in enumerate(order.numbers):
        if order.pace:
            time.sleep(max(0.0, start + turn / order.pace - time.monotonic()))
        begun[number] = time.monotonic()
        enqueue(number)
    return Sent(begun, time.monotonic())
