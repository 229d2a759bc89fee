"""The worker process from start to stop, and its loops: R11 of the reliability plan."""

import asyncio
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from secrets import token_hex

import httpx
import pytest
from pymongo.asynchronous.database import AsyncDatabase

from app import worker
from app.core import changes
from app.core import database as connection
from app.core.actor import Actor
from app.core.clock import new_id
from app.core.database import Document
from app.dev.children import free_port
from tests.processes import ATRIUM, Program, environment, wait_until
from tests.sleeping import Bed, Nap, SleepWanted, naps

SLEEPING = [sys.executable, "-c", "from tests import sleeping; sleeping.run()"]
GRACE, RESTART, EXIT = 25, 5, 30
"""Seconds: how long running jobs get, how soon one that was handed back starts elsewhere, how long a stop may take."""


@pytest.fixture
async def empty(
    database: AsyncDatabase[Document], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[AsyncDatabase[Document]]:
    """A database with a prepared log."""
    monkeypatch.setattr(connection, "_name", f"atrium_stop_{token_hex(6)}")
    fresh = connection.database()
    await changes.prepare()
    yield fresh
    await connection.client().drop_database(fresh.name)


@pytest.fixture
def env(mongodb_uri: str, redis_url: str, empty: AsyncDatabase[Document]) -> dict[str, str]:
    return environment(MONGODB_URI=mongodb_uri, REDIS_URL=redis_url, MONGODB_DATABASE=empty.name)


def test_it_stops_cleanly(env: dict[str, str], tmp_path: Path) -> None:
    with Program([*ATRIUM, "worker"], env, tmp_path / "worker") as program:
        wait_until(lambda: "worker.works" in program.output, 30, "the worker works")
        program.send(signal.SIGTERM)
        assert program.exit_status() == 0
        assert "Traceback" not in program.output


async def want(seconds: float) -> None:
    await changes.insert(Bed(), SleepWanted(Actor(new_id()), seconds=seconds))


async def until(holds: Callable[[], Awaitable[bool]], what: str, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not await holds():
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        await asyncio.sleep(0.05)


def of(seconds: float, found: list[Nap]) -> list[Nap]:
    return [nap for nap in found if nap.seconds == seconds]


async def test_r11_a_stop_lets_jobs_end_and_hands_back_the_rest(
    empty: AsyncDatabase[Document], env: dict[str, str], tmp_path: Path
) -> None:
    port = free_port()
    first = Program(SLEEPING, {**env, "METRICS_PORT": str(port)}, tmp_path / "first")
    second = Program(SLEEPING, env, tmp_path / "second")

    async def began(seconds: float, times: int) -> bool:
        return len(of(seconds, await naps())) == times

    with first, second:
        await asyncio.to_thread(wait_until, lambda: "worker.works" in first.output, 30, "the first one works")
        second.send(signal.SIGSTOP)
        for seconds in (8, 40):
            await want(seconds)
        await until(lambda: began(8, 1), "the short job begins")
        await until(lambda: began(40, 1), "the long job begins")
        second.send(signal.SIGCONT)
        await asyncio.to_thread(wait_until, lambda: "worker.works" in second.output, 30, "the second one works")

        first.send(signal.SIGTERM)
        stopped = time.monotonic()
        await asyncio.to_thread(wait_until, lambda: "worker.stopping" in first.output, 5, "the first one stops")
        await want(0.1)
        await until(lambda: began(0.1, 1), "the second one leads, and does what is new", seconds=15)
        led = time.monotonic() - stopped
        async with httpx.AsyncClient(trust_env=False) as client:
            figures = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
        assert "\natrium_draining 1.0\n" in figures
        assert '\natrium_jobs_running{queue="default"} 2.0\n' in figures
        assert await asyncio.to_thread(first.exit_status) == 0
        took = time.monotonic() - stopped
        await until(lambda: began(40, 2), "the long job begins elsewhere")
        again = time.monotonic() - stopped - took

        found = await naps()
    print(f"others led after {led:.2f} s; exit after {took:.2f} s; handed back, started after {again:.2f} s more")
    (short,), (new,), (cut, restarted) = of(8, found), of(0.1, found), of(40, found)
    assert (short.process, short.attempt) == (first.process.pid, 1)
    assert short.ended, "it was not given the time"
    assert new.process == second.process.pid
    assert (cut.process, cut.ended) == (first.process.pid, None)
    assert (restarted.process, restarted.attempt) == (second.process.pid, 1), "the attempt was counted"
    assert GRACE - 2 < took < EXIT
    assert again < RESTART
    assert "Traceback" not in first.output


async def test_a_stop_ends_in_time_whatever_hangs(env: dict[str, str], tmp_path: Path) -> None:
    hanging = "from tests import sleeping; sleeping.worker.EXIT_SECONDS = 2; sleeping.run()"
    with Program([sys.executable, "-c", hanging], env, tmp_path / "worker") as program:
        await asyncio.to_thread(wait_until, lambda: "worker.works" in program.output, 30, "the worker works")
        await want(30)
        await until(_any, "the job begins")
        program.send(signal.SIGTERM)
        start = time.monotonic()
        assert await asyncio.to_thread(program.exit_status) == 1
        assert time.monotonic() - start < 15
        assert "worker.stop_cut_short" in program.output


async def _any() -> bool:
    return bool(await naps())


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
