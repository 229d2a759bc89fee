"""R70, short: `make chaos` runs five seeds of a thousand operations."""

from pathlib import Path

import pytest

from app.core import database as connection
from tests.chaos.ledger.run import run


@pytest.mark.timeout(200)
async def test_r70_wallets_add_up_over_a_failover(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_client", None)
    for one in await run([70], 200, tmp_path):
        assert one.problems == []
        assert one.outcomes.total() == 200
        assert one.outcomes["UNKNOWN"] == 0
        assert one.outcomes["INSUFFICIENT_FUNDS"] < 100
