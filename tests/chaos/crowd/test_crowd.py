"""R37, R38, short: `make chaos` lets thousands come."""

from pathlib import Path

import pytest

from tests.chaos.crowd.run import Plan, run
from tests.chaos.crowd.summary import summary


@pytest.mark.timeout(400)
async def test_r37_r38_a_crowd_leaves_no_trace_and_hears_everything_once(tmp_path: Path) -> None:
    outcome = await run(Plan(subscriptions=200, sockets=60, crowd=80, rest=1, jitter=1), tmp_path, lambda _: None)
    print(summary(outcome))
    assert outcome.problems == []
    assert len(outcome.delays) == 80
