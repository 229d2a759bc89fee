"""Async iterators, put together."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import TypeVar

from app.core.tasks import end

T = TypeVar("T")


async def merged(first: AsyncIterator[T], *others: AsyncIterator[T]) -> AsyncGenerator[T, None]:
    """What all of them bring, as it comes; over when the first is. Of each, one is read ahead."""
    sources = (first, *others)
    waiting = {_next(source): source for source in sources}
    try:
        while first in waiting.values():
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for future in sorted(done, key=lambda one: waiting[one] is not first):
                source = waiting.pop(future)
                try:
                    brought = future.result()
                except StopAsyncIteration:
                    continue
                yield brought
                waiting[_next(source)] = source
    finally:
        await end(*waiting)
        for source in sources:
            if close := getattr(source, "aclose", None):
                await close()


def _next(source: AsyncIterator[T]) -> asyncio.Task[T]:
    async def read() -> T:
        return await anext(source)

    return asyncio.create_task(read())
