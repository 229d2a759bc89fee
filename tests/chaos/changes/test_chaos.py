"""R30, short: `make chaos` runs it for longer, and kills the database, too."""

from pathlib import Path

import pytest

from app.core import database as connection
from tests.chaos.changes.run import run


async def test_r30_nothing_is_lost_repeated_or_mixed_up_while_processes_die(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "_client", None)
    monkeypatch.setattr(connection, "_name", "chaos")
    result, wrong = await run(tmp_path, seconds=15, seed=30)
    assert wrong == []
    assert sum(result.faults.values()) >= 5
    assert len(result.acknowledged) > 500
