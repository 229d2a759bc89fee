"""R41, short: `make chaos` asks more, and restarts the nodes of MongoDB as well."""

from pathlib import Path

import pytest

from tests.chaos.rolling.run import Plan, run
from tests.chaos.rolling.summary import summary


@pytest.mark.timeout(400)
async def test_r41_a_rolling_restart_fails_nobody_who_tries_once_more(tmp_path: Path) -> None:
    outcomes = await run(Plan(seed=41, rate=10, nodes=1), tmp_path, lambda _: None)
    print(summary(outcomes))
    assert outcomes.failed == []
    assert outcomes.problems == []
    assert len(outcomes.restarts) == 5
    assert outcomes.reads > 20
