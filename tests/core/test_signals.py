"""Signals: heard while Redis is there, silence while it is not, and never an error or a long wait."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from app.core import signals
from app.dev.children import free_port

PATIENCE = 20


@pytest.fixture
async def connected(redis_url: str) -> AsyncIterator[Redis]:
    signals.connect(redis_url)
    redis = Redis.from_url(redis_url)
    yield redis
    await redis.aclose()
    await signals.close()


async def heard(payloads: AsyncIterator[object], number: int) -> list[object]:
    async with asyncio.timeout(PATIENCE):
        return [await anext(payloads) for _ in range(number)]


async def test_what_is_published_is_heard_by_every_subscriber_of_the_channel(connected: Redis) -> None:
    async with signals.subscribe("a") as first, signals.subscribe("a") as second, signals.subscribe("b") as other:
        await signals.publish("a", {"typing": True, "who": "é"})
        await signals.publish("b", 7)
        assert await heard(first, 1) == await heard(second, 1) == [{"typing": True, "who": "é"}]
        assert await heard(other, 1) == [7]
    async with signals.subscribe("a") as again:
        await signals.publish("a", "again")
        assert await heard(again, 1) == ["again"]


async def hearers(redis: Redis, **counts: int) -> None:
    """Wait until each channel has so many connections that listen; the server is told of a change a moment later."""
    expected = {name.encode(): count for name, count in counts.items()}
    async with asyncio.timeout(PATIENCE):
        while dict(await redis.pubsub_numsub(*counts)) != expected:
            await asyncio.sleep(0.02)


async def test_one_connection_listens_for_all(connected: Redis) -> None:
    others = len(await connected.client_list(_type="pubsub"))
    async with signals.subscribe("a"), signals.subscribe("b"), signals.subscribe("c"), signals.subscribe("a"):
        assert len(await connected.client_list(_type="pubsub")) <= others + 1
        await hearers(connected, a=1, b=1, c=1)
    await hearers(connected, a=0, b=0, c=0)


async def test_a_slow_subscriber_loses_the_oldest(connected: Redis) -> None:
    async with signals.subscribe("a") as slow, signals.subscribe("a") as fast:
        for n in range(signals.QUEUE + 10):
            await signals.publish("a", n)
            await heard(fast, 1)
        assert await heard(slow, 2) == [10, 11]


async def test_what_is_not_json_is_passed_over(connected: Redis) -> None:
    async with signals.subscribe("a") as payloads:
        await connected.publish("a", b"{not json")
        await connected.publish("a", b'"json"')
        assert await heard(payloads, 1) == ["json"]


async def test_it_reconnects_after_its_connection_was_killed(connected: Redis) -> None:
    async with signals.subscribe("a") as payloads, signals.subscribe("b") as others:
        for n in range(3):
            await connected.client_kill_filter(_type="pubsub", skipme=False)
            await hearers(connected, a=1, b=1)
            await signals.publish("a", n)
            await signals.publish("b", -n)
            assert await heard(payloads, 1) == [n]
            assert await heard(others, 1) == [-n]


async def test_without_redis_there_is_silence_and_nobody_waits() -> None:
    signals.connect(f"redis://127.0.0.1:{free_port()}/0")
    try:
        async with signals.subscribe("a") as payloads:
            started = time.monotonic()
            for n in range(200):
                await signals.publish("a", n)
            assert await signals.attempt(lambda redis: redis.get("key")) is None
            assert time.monotonic() - started < 10 * signals.PATIENCE
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(payloads), 0.05)
    finally:
        await signals.close()


async def test_a_redis_that_hangs_stalls_nobody() -> None:
    hangs = await asyncio.start_server(lambda reader, writer: asyncio.sleep(60), "127.0.0.1", 0)
    signals.connect(f"redis://127.0.0.1:{hangs.sockets[0].getsockname()[1]}/0")
    try:
        started = time.monotonic()
        async with signals.subscribe("a"):
            for n in range(200):
                await signals.publish("a", n)
        assert time.monotonic() - started < 10 * signals.PATIENCE
    finally:
        await signals.close()
        hangs.close()


async def test_a_process_that_never_connected_is_deaf_and_mute() -> None:
    async with signals.subscribe("a") as payloads:
        await signals.publish("a", 1)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(payloads), 0.05)
