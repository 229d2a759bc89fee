"""R1, short: `make chaos` runs it for longer, with more seeds, and strikes MongoDB's primary as well (R2)."""

from pathlib import Path

import pytest
from rich.console import Console

from app.core import database as connection
from tests.chaos.jobs.run import Plan, run
from tests.chaos.jobs.summary import table

PLAN = Plan(seed=1, orders=240, seconds=8, lease=2.0, pause=1.0, frozen=3.0)


@pytest.mark.timeout(400)
async def test_r1_no_job_is_lost_or_done_twice_while_workers_die(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "_client", None)
    monkeypatch.setattr(connection, "_name", "")
    result = await run(PLAN, tmp_path, lambda _: None)
    Console(width=160).print(table([result]))
    assert result.problems == []
    assert {name for name, _ in result.faults} >= {"worker killed", "worker stopped", "worker frozen", "Valkey killed"}
    assert result.figures.jobs > 3 * 200
    assert result.figures.ratio < 1.5
