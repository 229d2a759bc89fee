import asyncio
import signal
from pathlib import Path
from secrets import token_hex

import pytest

from app import worker
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


