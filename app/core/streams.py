"""Async iterators, put together."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, TypeVar

T = TypeVar("T")


async def merged(first: AsyncIterator[T], *others: AsyncIterator[T]) -> AsyncGenerator[T, None]:
    """What all of them bring, as it comes; over when the first is. Of each, one is read ahead."""
    sources = (first, *others)
    waiting: dict[asyncio.Future[Any], AsyncIterator[T]] = {asyncio.ensure_future(anext(s)): s for s in sources}
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
                waiting[asyncio.ensure_future(anext(source))] = source
    finally:
        for future in waiting:
            future.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        for source in sources:
            if close := getattr(source, "aclose", None):
                await close()
