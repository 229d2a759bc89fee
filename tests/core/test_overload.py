"""R26: more reads than the database can take at once. What clients are told of it: `tests/api/graphql`."""

import asyncio
import time
from collections import Counter
from pathlib import Path

import pytest
from pymongo.errors import WaitQueueTimeoutError

from app.core import database
from tests.faults.deployment import deployed

READS = 500
POOL = 50
SLOW_SECONDS = 3.0
"""What each read takes; longer than anybody may wait for a connection."""


async def read() -> tuple[str, float]:
    """What became of it, after how many seconds."""
    begun = time.monotonic()
    try:
        await database.collection("rows").find_one({})
    except WaitQueueTimeoutError as error:
        return type(error).__name__, time.monotonic() - begun
    return "ok", time.monotonic() - begun


@pytest.mark.timeout(180)
async def test_r26_who_finds_no_connection_is_refused_soon_and_nothing_stays_stuck(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_client", None)
    async with deployed(tmp_path, nodes=1) as deployment:
        database.connect(deployment.mongo.uri, "overload")
        try:
            await asyncio.gather(*(read() for _ in range(POOL)))
            async with deployment.mongo.slow(SLOW_SECONDS, "find"):
                answers = await asyncio.gather(*(read() for _ in range(READS)))
            (again, recovery), *_ = await asyncio.gather(*(read() for _ in range(POOL)))
        finally:
            await database.close()
    codes = Counter(code for code, _ in answers)
    refused = max(seconds for code, seconds in answers if code != "ok")
    print(f"{dict(codes)}; refused after {refused:.1f} s at most; recovered in {recovery:.2f} s")
    assert codes["ok"] >= POOL
    assert codes["WaitQueueTimeoutError"] >= READS / 2
    assert again == "ok"
