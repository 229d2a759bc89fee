"""What the worker runs, and how it is woken."""

import asyncio
from collections.abc import AsyncIterator

import orjson
import pytest
from arq import ArqRedis, Worker
from arq.connections import RedisSettings
from arq.constants import job_key_prefix
from redis.asyncio import ConnectionPool

from app.core import signals
from app.core.jobs import Queue, Runner
from app.core.tasks import end
from app.dev.children import free_port
from app.jobs import roots
from tests.factories.identity import make_user
from tests.jobs.working import Worker as Loops

PATIENCE = 20


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[str]:
    """This process's signals, connected."""
    signals.connect(redis_url)
    yield redis_url
    await signals.close()


async def test_a_hint_reaches_the_runner(redis: str, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = asyncio.Event()
    runner = Runner([], Queue.OUTBOUND)
    monkeypatch.setattr(runner, "look", looked.set)
    monkeypatch.setitem(roots._runners, Queue.OUTBOUND, runner)
    worker = Worker(
        roots.FUNCTIONS,
        queue_name=roots.arq_queue(Queue.OUTBOUND),
        redis_settings=RedisSettings.from_dsn(redis),
        handle_signals=False,
        poll_delay=0.02,
        keep_result=0,
        job_serializer=orjson.dumps,
        job_deserializer=orjson.loads,
    )
    serving = asyncio.create_task(worker.async_run())
    await roots.announce(["outbound"])
    await asyncio.wait_for(looked.wait(), PATIENCE)
    await end(serving)
    await worker.pool.aclose(close_connection_pool=True)


async def test_hints_do_not_pile_up_and_are_json(redis: str) -> None:
    for _ in range(5):
        await roots.announce(["fast", "slow"])
    async with ArqRedis(ConnectionPool.from_url(redis), job_deserializer=orjson.loads) as arq:
        queue = roots.arq_queue(Queue.SLOW)
        waiting = [(job.function, *job.args) for job in await arq.queued_jobs(queue_name=queue)]
        await arq.delete(queue, f"{job_key_prefix}wake:slow")
        await arq.connection_pool.disconnect()
    assert waiting == [("wake", "slow")]


async def test_without_redis_a_hint_costs_nothing_and_jobs_are_done(idle: Loops) -> None:
    """JOB-2: Redis is down from the beginning, and everything that follows from a registration happens."""
    await signals.close()
    signals.connect(f"redis://127.0.0.1:{free_port()}/0")
    idle.start()
    user = await make_user("Ada")
    await idle.settled()
    assert [m["Subject"] for m in idle.office.to(user.email)] == ["Welcome to Atrium"]


def test_every_job_has_a_name_of_its_own() -> None:
    names = [kind.type for kind in roots.JOBS]
    assert len(set(names)) == len(names)
