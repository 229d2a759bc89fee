"""AUD-2: what is old goes, and what is left can still be verified."""

import time
from datetime import timedelta
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from app.core import clock
from app.core.changes import Change
from app.core.changes.envelope import unpack
from app.services.audit import heads, retention, trail, verification
from tests.services.audit.pages import joined, logged, silent

Store = AsyncDatabase[dict[str, Any]]


async def test_old_entries_go_up_to_a_head(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    await trail.follow(await logged(*(joined() for _ in range(6))))
    await heads.sign()
    assert await retention.trim() == 0
    _later(monkeypatch, timedelta(days=731))
    await trail.follow(await logged(*(joined() for _ in range(3))))
    assert await retention.trim() == 6
    assert "its entries before 7 are gone" in (await verification.verify(silent)).wrong[0], "it must say so itself"
    await _told(store)
    assert (await verification.verify(silent)).wrong == []
    assert await retention.trim() == 0
    await heads.sign()
    _later(monkeypatch, timedelta(days=2 * 731))
    assert await retention.trim() == 4
    await _told(store)
    verdict = await verification.verify(silent)
    assert (verdict.wrong, verdict.entries, verdict.heads) == ([], 1, 2)


async def _told(store: Store) -> None:
    """Let the trail read what retention has told."""
    chain = await store.audit_chains.find_one()
    assert chain
    (row,) = unpack(chain["_events"])
    await trail.follow([Change.of({**row, "_id": 0, "at": clock.now()})])


def _later(monkeypatch: pytest.MonkeyPatch, passed: timedelta) -> None:
    at = time.time() + passed.total_seconds()
    monkeypatch.setattr(clock, "source", lambda: at)
