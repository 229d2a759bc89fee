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
    assert len(result.acknowledged) > 100


@pytest.mark.timeout(300)
async def test_r21_r22_nor_while_three_nodes_elect_and_sequencers_die(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Transactions stay whole, the change stream is resumed, and what was told twice is done once."""
    monkeypatch.setattr(connection, "_client", None)
    monkeypatch.setattr(connection, "_name", "chaos")
    kinds = ("mongod", "worker", "primary stepped down", "nodes parted")
    result, wrong = await run(tmp_path, seconds=25, seed=21, kinds=kinds, clients=10, nodes=3)
    assert wrong == []
    assert set(result.faults) == set(kinds)
    assert len(result.acknowledged) > 50
