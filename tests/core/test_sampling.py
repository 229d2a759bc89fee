import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

import pytest

from app.core import sampling
from app.core.sampling import Sampling


class Gauge:
    """Something to look at, and how often that was done."""

    def __init__(self) -> None:
        self.value: int | None = 1
        self.looks = 0

    async def look(self) -> int:
        self.looks += 1
        if self.value is None:
            raise ConnectionError("away")
        return self.value


@pytest.fixture
async def gauge(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Gauge]:
    monkeypatch.setattr(sampling, "SECONDS", 0.01)
    yield Gauge()


@asynccontextmanager
async def following(sampled: Sampling[int]) -> AsyncIterator[AsyncGenerator[int, None]]:
    async with aclosing(sampled.follow()) as seen, asyncio.timeout(10):
        yield seen


async def test_a_change_is_told_once_and_sameness_never(gauge: Gauge) -> None:
    async with following(Sampling(gauge.look)) as seen:
        assert await anext(seen) == 1
        gauge.value = 2
        assert await anext(seen) == 2
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(seen), 0.2)
    assert gauge.looks > 5


async def test_all_who_follow_share_one_look(gauge: Gauge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "SECONDS", 60)
    sampled = Sampling(gauge.look)
    async with following(sampled) as first, following(sampled) as second:
        assert [await anext(first), await anext(second)] == [1, 1]
    assert gauge.looks == 1


async def test_nobody_looks_when_nobody_follows(gauge: Gauge) -> None:
    sampled = Sampling(gauge.look)
    assert gauge.looks == 0
    for value in (1, 5):
        gauge.value = value
        async with following(sampled) as seen:
            assert await anext(seen) == value, "what was seen in an earlier life is not told"
        looks = gauge.looks
        await asyncio.sleep(0.1)
        assert gauge.looks == looks


async def test_a_look_that_fails_is_made_again(gauge: Gauge) -> None:
    gauge.value = None
    async with following(Sampling(gauge.look)) as seen:
        first = asyncio.ensure_future(anext(seen))
        await asyncio.sleep(0.1)
        gauge.value = 3
        assert await first == 3


async def test_a_slow_reader_finds_the_newest(gauge: Gauge) -> None:
    async with following(Sampling(gauge.look)) as seen:
        assert await anext(seen) == 1
        for value in (2, 3, 4):
            gauge.value = value
            await asyncio.sleep(0.1)
        assert await anext(seen) == 4


async def test_what_is_not_in_the_key_makes_no_change(gauge: Gauge) -> None:
    async with following(Sampling(gauge.look, lambda value: value % 2)) as seen:
        assert await anext(seen) == 1
        gauge.value = 3
        await asyncio.sleep(0.1)
        gauge.value = 4
        assert await anext(seen) == 4
