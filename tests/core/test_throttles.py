"""ID-6: attempts are counted for all processes, exactly, and without anybody's address in Redis."""

import asyncio
from collections.abc import AsyncIterator
from secrets import token_hex

import pytest
from redis.asyncio import Redis

from app.core import clock, signals, throttles
from app.core.errors import Unavailable
from app.core.settings import Settings, settings
from app.core.signals import Signals
from app.core.throttles import Throttled, spend
from app.dev.children import free_port


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    signals.connect(redis_url)
    redis = Redis.from_url(redis_url)
    yield redis
    await redis.aclose()
    await signals.close()


@pytest.fixture
def key() -> str:
    return f"{token_hex(4)}@example.com"


async def passed(attempts: int, name: str, key: str, limit: int) -> int:
    results = await asyncio.gather(*(spend(name, key, limit, 60) for _ in range(attempts)), return_exceptions=True)
    assert all(isinstance(result, Throttled) for result in results if result is not None)
    return results.count(None)


async def test_of_many_attempts_at_once_the_limit_passes(redis: Redis, key: str) -> None:
    assert await passed(20, "codes", key, 5) == 5


async def test_processes_count_together(
    redis: Redis, redis_url: str, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await passed(20, "codes", key, 30) == 20
    here, elsewhere = signals._signals, Signals(redis_url)
    monkeypatch.setattr(signals, "_signals", elsewhere)
    assert await passed(20, "codes", key, 30) == 10
    await elsewhere.close()
    monkeypatch.setattr(signals, "_signals", here)


async def test_names_and_keys_are_counted_apart(redis: Redis, key: str) -> None:
    await spend("codes", key, 1, 60)
    await spend("codes", key + "x", 1, 60)
    await spend("links", key, 1, 60)
    with pytest.raises(Throttled):
        await spend("codes", key, 1, 60)


async def test_no_stretch_has_more_than_the_limit_and_refusals_do_not_count(
    redis: Redis, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = clock.source()
    let_in = []
    for second in range(0, 200, 7):
        monkeypatch.setattr(clock, "source", lambda second=second: start + second)
        try:
            await spend("codes", key, 3, 60)
            let_in.append(second)
        except Throttled as refused:
            assert refused.retry_after == let_in[-3] + 60 - second
            assert refused.extensions == {"code": "TOO_MANY_ATTEMPTS", "retryAfter": refused.retry_after}
    assert let_in == [0, 7, 14, 63, 70, 77, 126, 133, 140, 189, 196]


async def test_redis_learns_of_nobody_and_forgets(redis: Redis, key: str) -> None:
    before = set(await redis.keys("throttle:*"))
    await spend("codes", key, 3, 60)
    [entry] = set(await redis.keys("throttle:*")) - before
    assert key.partition("@")[0].encode() not in entry
    assert 59_000 < await redis.pttl(entry) <= 60_000


@pytest.mark.parametrize("mode", ["open", "closed"])
async def test_without_redis_it_passes_or_not_as_the_settings_say(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    set_so: Settings = settings().model_copy(update={"limits_without_redis": mode})
    monkeypatch.setattr(throttles, "settings", lambda: set_so)
    signals.connect(f"redis://127.0.0.1:{free_port()}/0")
    try:
        if mode == "open":
            assert await passed(5, "codes", "x", 1) == 5
        else:
            with pytest.raises(Unavailable):
                await spend("codes", "x", 1, 60)
    finally:
        await signals.close()
