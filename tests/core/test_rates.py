"""S3: buckets are shared exactly, refill as they say, and lease most of what is spent."""

import asyncio
import time
from collections.abc import AsyncIterator
from secrets import token_hex

import pytest
from redis.asyncio import Redis

from app.core import rates, signals
from app.core.errors import Unavailable
from app.core.rates import Meter, Rate, RateLimited, spend
from app.core.settings import settings
from app.dev.children import free_port

HOUR = 3_600


@pytest.fixture
async def redis(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Redis]:
    monkeypatch.setattr(signals, "PATIENCE", 10)  # of a machine that is busy with other tests
    signals.connect(redis_url)
    redis = Redis.from_url(redis_url)
    yield redis
    await redis.aclose()
    await signals.close()


def bucket(points: int, seconds: int = HOUR) -> Rate:
    return Rate(points, seconds)


def meters(number: int, rate: Rate) -> list[Meter]:
    """One bucket as so many processes see it."""
    key = token_hex(6)
    return [Meter("person", key, "standard", rate) for _ in range(number)]


async def passed(meter: Meter, requests: int, points: int = 1) -> int:
    answers = await asyncio.gather(*(spend((meter,), points) for _ in range(requests)), return_exceptions=True)
    assert all(isinstance(answer, RateLimited) for answer in answers if answer is not None)
    return answers.count(None)


async def level(redis: Redis, meter: Meter) -> float:
    """What Redis has of a bucket."""
    return float(await redis.hget(f"rate:{meter.kind}:{meter.key}", "left"))  # type: ignore[misc]


@pytest.mark.parametrize("limit", [1, 7, 100, 1_000])
async def test_two_processes_pass_no_more_than_the_limit_and_all_of_it(redis: Redis, limit: int) -> None:
    one, other = meters(2, bucket(limit))
    both = await asyncio.gather(passed(one, limit), passed(other, limit))
    rest = await passed(one, limit) + await passed(other, limit)
    assert sum(both) <= limit
    assert sum(both) + rest == limit


async def test_what_lies_idle_elsewhere_is_one_chunk_at_most(redis: Redis) -> None:
    one, other = meters(2, rate := bucket(1_000))
    await spend((one,), 1)
    assert 1_000 - rate.chunk <= await passed(other, 1_500) < 1_000


async def test_most_requests_ask_nobody(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    [one] = meters(1, rate := bucket(10_000))
    calls, real = 0, signals.attempt

    async def counted(command: object) -> object:
        nonlocal calls
        calls += 1
        return await real(command)  # type: ignore[arg-type]

    monkeypatch.setattr(signals, "attempt", counted)
    for _ in range(1_000):
        await spend((one,), 1)
    assert calls == 1_000 // rate.chunk


async def test_a_bucket_refills_as_it_says(redis: Redis) -> None:
    [one] = meters(1, bucket(100, 10))
    started = time.monotonic()
    assert await passed(one, 150) in (100, 101)  # of which one has come back meanwhile
    while time.monotonic() < started + 1.5:
        await asyncio.sleep(0.05)
    again = await passed(one, 100)
    assert 10 <= again <= (time.monotonic() - started) * 10


async def test_a_request_pays_every_bucket_or_none(redis: Redis) -> None:
    [small], [large] = meters(1, bucket(3)), meters(1, bucket(100))
    answers = await asyncio.gather(*(spend((large, small), 1) for _ in range(10)), return_exceptions=True)
    assert answers.count(None) == 3
    assert large.left + await level(redis, large) == pytest.approx(97, abs=0.1)


async def test_what_costs_more_than_a_bucket_takes_a_full_one(redis: Redis) -> None:
    [one] = meters(1, bucket(10))
    await spend((one,), 50)
    with pytest.raises(RateLimited) as refused:
        await spend((one,), 50)
    assert HOUR - 5 < refused.value.details["retryAfter"] <= HOUR


async def test_who_is_refused_is_told_when_to_come_again_and_small_requests_pass_still(redis: Redis) -> None:
    [one] = meters(1, bucket(3_600))
    await spend((one,), 3_500)
    with pytest.raises(RateLimited) as refused:
        await spend((one,), 150)
    assert 45 <= refused.value.details["retryAfter"] <= 50
    await spend((one,), 20)


async def test_what_was_not_spent_goes_back(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = meters(2, bucket(100))
    await spend((one,), 1)
    monkeypatch.setattr(one, "until", 0.0)  # the lease is over
    with pytest.raises(RateLimited):
        while True:
            await spend((other,), 1)
    assert await passed(one, 100) == 4  # of its chunk of five


async def test_another_tier_counts_at_once(redis: Redis) -> None:
    [one] = meters(1, bucket(10))
    await spend((one,), 10)
    one.change("scale", bucket(1_000))
    assert one.level(time.monotonic()) <= 11
    with pytest.raises(RateLimited) as refused:
        await spend((one,), 100)
    assert refused.value.details["retryAfter"] < HOUR


async def test_who_was_refused_most_is_known(redis: Redis) -> None:
    [one] = meters(1, bucket(1))
    await passed(one, 30)
    await asyncio.sleep(rates.PAUSE)  # what was refused without asking is told with the next call
    await passed(one, 1)
    [found] = [one_ for one_ in await rates.refusals(100) if one_[1] == one.key]
    assert found == ("person", one.key, 29)


@pytest.mark.parametrize("mode", ["open", "closed"])
async def test_without_redis_requests_pass_or_not_as_the_settings_say(
    mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_so = settings().model_copy(update={"limits_without_redis": mode})
    monkeypatch.setattr(rates, "settings", lambda: set_so)
    signals.connect(f"redis://127.0.0.1:{free_port()}/0")
    [one] = meters(1, bucket(5))
    try:
        if mode == "open":
            assert await passed(one, 50) == 5, "the process counts by itself"
            assert one.open
        else:
            with pytest.raises(Unavailable):
                await spend((one,), 1)
    finally:
        await signals.close()


async def test_what_a_process_counted_by_itself_is_not_handed_back(redis_url: str) -> None:
    signals.connect(f"redis://127.0.0.1:{free_port()}/0")
    [one] = meters(1, bucket(5))
    await spend((one,), 1)
    await signals.close()
    signals.connect(redis_url)
    try:
        one.until = 0.0
        assert await passed(one, 20) == 5
        assert not one.open
    finally:
        await signals.close()


async def test_a_redis_slower_than_one_waits_for_it_opens_no_gate(
    redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S3: each process goes on by itself from what it has seen last, and no farther."""
    one, other = meters(2, bucket(100))
    assert [await passed(one, 40), await passed(other, 20)] == [40, 20]
    await signals.close()
    monkeypatch.setattr(signals, "PATIENCE", 0.2)
    signals.connect(redis_url)
    await redis.client_pause(60_000, all=False)
    try:
        assert [await passed(one, 200), await passed(other, 200)] == [60, 40]
        assert one.open
        assert other.open
    finally:
        await redis.client_unpause()
