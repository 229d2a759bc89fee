import asyncio
from collections.abc import AsyncIterator

import pytest

from app.core.streams import merged


async def numbers(*values: int) -> AsyncIterator[int]:
    for value in values:
        yield value


async def test_all_is_brought_and_it_ends_with_the_first() -> None:
    never = asyncio.Event()

    async def silent() -> AsyncIterator[int]:
        await never.wait()
        yield 0

    assert [value async for value in merged(numbers(1, 2, 3), silent())] == [1, 2, 3]


async def test_the_others_may_end_earlier() -> None:
    both = [value async for value in merged(numbers(1, 2, 3), numbers(4))]
    assert sorted(both) == [1, 2, 3, 4]
    assert [value for value in both if value < 4] == [1, 2, 3]


async def test_an_error_of_any_source_ends_it() -> None:
    async def failing() -> AsyncIterator[int]:
        raise LookupError("gone")
        yield 0

    async def waiting() -> AsyncIterator[int]:
        await asyncio.Event().wait()
        yield 0

    with pytest.raises(LookupError):
        await anext(merged(waiting(), failing()))


async def test_closing_it_closes_the_sources() -> None:
    closed: list[str] = []

    async def source(name: str) -> AsyncIterator[int]:
        try:
            yield 1
            await asyncio.Event().wait()
        finally:
            closed.append(name)

    both = merged(source("a"), source("b"))
    await anext(both)
    await both.aclose()
    assert sorted(closed) == ["a", "b"]
