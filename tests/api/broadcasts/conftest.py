import asyncio
from collections.abc import AsyncIterator

import pytest

from app.core.changes import Hub, hubs
from tests.api.broadcasts.stage import Stage, staged
from tests.core.changes.conftest import empty, hub, sequencer

__all__ = ["empty", "hub", "sequencer"]


@pytest.fixture(params=["own wire", "messages"])
async def stage(hub: Hub, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    """A server in this process; over its own wire, and over plain ASGI messages as any other server has them."""
    monkeypatch.setattr(hubs, "_hub", hub)
    async with staged(own_wire=request.param == "own wire") as running:
        yield running
    going_on = [task for task in asyncio.all_tasks() if "/app/api/" in task.get_coro().cr_code.co_filename]  # type: ignore[union-attr]
    assert not going_on
    assert not hub.figures()["subscriptions"]
