"""R20, short: `make chaos` runs more seeds, with more writers, and holds the stalls against the plan's bounds."""

from pathlib import Path

import pytest
from rich.console import Console

from app.core import database as connection
from tests.chaos.failover.run import Plan, run
from tests.chaos.failover.summary import table
from tests.faults.histories import Outcome

PLAN = Plan(seeds=[20], strikes=["kill -9", "cut off from nodes"], writers=4, held=8)


@pytest.mark.timeout(400)
async def test_r20_a_failover_loses_and_repeats_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_client", None)
    rounds = await run(PLAN, tmp_path, lambda _: None)
    Console(width=160).print(table(rounds))
    for one in rounds:
        assert one.problems == []
        assert one.former != one.next
        assert one.refused.final == []
        assert one.stall < 60
        assert min(len(one.entries.keys(Outcome.OK)), len(one.messages.keys(Outcome.OK))) > 50
