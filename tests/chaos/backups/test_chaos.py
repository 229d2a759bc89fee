"""The short form of `make chaos` for backups."""

from pathlib import Path

import pytest

from app.core import database
from tests.chaos.backups.run import run


@pytest.mark.timeout(300)
async def test_a_killed_tail_and_a_lost_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_client", None)  # the other tests' own
    monkeypatch.setattr(database, "_name", "")
    outcome = await run(tmp_path, seed=5, seconds=10, every=2)
    print(outcome)
    assert outcome.wrong == []
    assert outcome.kills >= 1
    assert outcome.moments >= 1
    assert outcome.rpo <= 60
