import asyncio
import signal
from pathlib import Path
from secrets import token_hex

import orjson
import pytest
from arq.connections import ArqRedis, RedisSettings, create_pool
from arq.worker import func

from app import worker
from app.core.jobs import Queue
from app.core.settings import Settings
from app.dev.embedded import EmbeddedValkey
from app.jobs import roots
from tests.processes import ATRIUM, Program, environment, wait_until


def test_it_stops_cleanly(mongodb_uri: str, redis_url: str, tmp_path: Path) -> None:
    env = environment(MONGODB_URI=mongodb_uri, REDIS_URL=redis_url, MONGODB_DATABASE=f"atrium_test_{token_hex(6)}")
    with Program([*ATRIUM, "worker"], env, tmp_path / "worker") as program:
        wait_until(lambda: "worker.works" in program.output, 30, "the worker works")
        program.send(signal.SIGTERM)
        assert program.exit_status() == 0
        assert "Traceback" not in program.output


async def test_a_loop_that_fails_or_ends_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "MAX_PAUSE_SECONDS", 0.01)
    runs, enough = 0, asyncio.Event()

    async def loop() -> None:
        nonlocal runs
        runs += 1
        if runs == 1:
            raise RuntimeError("on purpose")
        if runs == 3:
            enough.set()

    task = asyncio.create_task(worker.keep_running("loop", loop))
    await asyncio.wait_for(enough.wait(), 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_jobs_go_on_after_redis_was_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: asyncio.Queue[int] = asyncio.Queue()

    async def note(_: object, number: int) -> None:
        done.put_nowait(number)

    monkeypatch.setattr(worker, "FUNCTIONS", [func(note, name="note")])  # type: ignore[arg-type]
    valkey = EmbeddedValkey(tmp_path).start()
    settings = Settings(redis_url=valkey.url)
    task = asyncio.create_task(worker.keep_running("hints", lambda: worker._hear_hints(settings, Queue.FAST)))
    try:
        await enqueue(settings, 1)
        assert await asyncio.wait_for(done.get(), 10) == 1
        valkey.process.kill()
        await asyncio.to_thread(valkey.stop)
        valkey.launch()
        await asyncio.to_thread(valkey.wait)
        await enqueue(settings, 2)
        assert await asyncio.wait_for(done.get(), 15) == 2
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        valkey.stop()


async def enqueue(settings: Settings, number: int) -> None:
    redis: ArqRedis = await create_pool(RedisSettings.from_dsn(str(settings.redis_url)), job_serializer=orjson.dumps)
    await redis.enqueue_job("note", number, _queue_name=roots.arq_queue(Queue.FAST))
    await redis.aclose()
