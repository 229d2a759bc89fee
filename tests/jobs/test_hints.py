"""Hints: they wake a runner, survive whatever Redis does, and run nobody's code (R12)."""

import asyncio
import os
import pickle
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from arq import ArqRedis
from arq.constants import job_key_prefix
from prometheus_client import REGISTRY
from redis.asyncio import ConnectionPool, Redis

from app.core import signals
from app.core.jobs import Queue
from app.core.tasks import end
from app.dev.embedded import EmbeddedValkey
from app.jobs import hints

PATIENCE = 30
QUEUE = hints.arq_queue(Queue.OUTBOUND)
KEYS = [key for queue in Queue for key in (hints.arq_queue(queue), *hints._keys(queue))]
"""All that arq keeps of hints: what a stopped worker leaves of one would keep the next from being taken."""


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """This process's signals, connected and not left alone for what befell them before, and a client of its own."""
    signals.connect(redis_url)
    async with asyncio.timeout(PATIENCE):
        while not await signals.attempt(lambda redis: redis.ping()):
            await asyncio.sleep(0.1)
    async with Redis.from_url(redis_url) as client:
        await client.delete(*KEYS)
        yield client
        await client.delete(*KEYS)
    await signals.close()


@asynccontextmanager
async def hearing(url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[asyncio.Event]:
    """Hear hints; the event is set whenever the runner is to look."""
    looked = asyncio.Event()
    monkeypatch.setitem(hints.LOOKS, Queue.OUTBOUND, looked.set)
    task = asyncio.create_task(hints.hear(url, Queue.OUTBOUND))
    try:
        yield looked
    finally:
        await end(task)


async def heard(looked: asyncio.Event) -> None:
    """Send hints until one arrives."""
    looked.clear()
    async with asyncio.timeout(PATIENCE):
        while not looked.is_set():
            await hints.announce(["outbound"])
            await asyncio.sleep(0.1)


async def test_a_hint_reaches_the_runner(redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with hearing(redis_url, monkeypatch) as looked:
        await hints.announce(["outbound"])
        await asyncio.wait_for(looked.wait(), PATIENCE)
    assert not [key async for key in redis.scan_iter("arq:health-check:outbound:*")]


async def test_hints_do_not_pile_up_and_are_json(redis: Redis, redis_url: str) -> None:
    for _ in range(5):
        await hints.announce(["fast", "slow"])
    async with ArqRedis(ConnectionPool.from_url(redis_url), job_deserializer=orjson.loads) as arq:
        queue = hints.arq_queue(Queue.SLOW)
        waiting = [(job.function, *job.args) for job in await arq.queued_jobs(queue_name=queue)]
        await arq.connection_pool.disconnect()
    assert waiting == [("wake", "slow")]


class Bomb:
    """What runs code when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.file),)


async def test_r12_a_pickle_bomb_is_dropped_and_runs_nothing(
    redis: Redis, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pickle.loads(pickle.dumps(Bomb(tmp_path / "proof")))  # noqa: S301
    assert (tmp_path / "proof").exists(), "the bomb is none"
    payload = {"t": 1, "f": "wake", "a": (Bomb(tmp_path / "boom"),), "k": {}, "et": 1}
    for number, bomb in enumerate((Bomb(tmp_path / "boom"), payload)):
        await redis.set(f"{job_key_prefix}bomb{number}", pickle.dumps(bomb))
        await redis.zadd(QUEUE, {f"bomb{number}": 1})
    async with hearing(redis_url, monkeypatch) as looked:
        async with asyncio.timeout(PATIENCE):
            while await redis.zcard(QUEUE):
                await asyncio.sleep(0.05)
        await heard(looked)
    assert not (tmp_path / "boom").exists()
    assert "deserializing job bomb0 failed" in caplog.text
    assert "deserializing job bomb1 failed" in caplog.text
    assert not await redis.exists(f"{job_key_prefix}bomb0", f"{job_key_prefix}bomb1")


@pytest.mark.parametrize("name", ["unknown function", "unknown queue", "not a list", "not text", "not a queue"])
async def test_nothing_in_redis_can_stop_the_hints(
    redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(hints, "PAUSE", 0.05)
    bodies = {
        "unknown function": b'{"t":1,"f":"os.system","a":["ls"],"k":{},"et":1}',
        "unknown queue": b'{"t":1,"f":"wake","a":["nowhere"],"k":{},"et":1}',
        "not a list": b'{"t":1,"f":"wake","a":7,"k":[],"et":1}',
    }
    if name == "not a queue":
        await redis.set(QUEUE, "x")
    else:
        await redis.zadd(QUEUE, {b"\xff\xfe" if name == "not text" else b"x": 1})
        await redis.set(f"{job_key_prefix}x", bodies.get(name, b""))
    async with hearing(redis_url, monkeypatch) as looked:
        await heard(looked)


async def test_hints_go_on_after_redis_was_killed_stopped_or_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signals, "REST", 0.2)
    with EmbeddedValkey(tmp_path) as valkey:
        signals.connect(valkey.url)
        try:
            async with hearing(valkey.url, monkeypatch) as looked:
                await heard(looked)
                for _ in range(3):
                    valkey.process.kill()
                    failures = REGISTRY.get_sample_value("atrium_wake_failures_total") or 0
                    start = time.monotonic()
                    await hints.announce(["outbound"])
                    assert time.monotonic() - start < 10 * signals.PATIENCE
                    assert REGISTRY.get_sample_value("atrium_wake_failures_total") == failures + 1
                    await asyncio.to_thread(valkey.start)
                    await heard(looked)
                os.kill(valkey.process.pid or 0, signal.SIGSTOP)
                await hints.announce(["outbound"])
                await asyncio.sleep(6)  # until what hears has given the frozen one up
                os.kill(valkey.process.pid or 0, signal.SIGCONT)
                await heard(looked)
                async with Redis.from_url(valkey.url) as client:
                    await client.client_kill_filter(_type="normal", skipme=True)
                await heard(looked)
        finally:
            await signals.close()


async def test_a_connection_on_which_nothing_comes_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """As behind a firewall that forgot it: no answer, and no end either."""
    connections, again = 0, asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        if connections == 2:
            again.set()
        await reader.read()
        writer.close()

    silent = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    async with silent, hearing(f"redis://127.0.0.1:{silent.sockets[0].getsockname()[1]}/0", monkeypatch):
        await asyncio.wait_for(again.wait(), PATIENCE)
