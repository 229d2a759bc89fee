"""A change log of its own for every test."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from app.core import changes, signals
from app.core import database as connection
from app.core.changes import Hub, Sequencer, hubs
from app.core.database import Document


@pytest.fixture
async def empty(
    database: AsyncDatabase[Document], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[AsyncDatabase[Document]]:
    """A database with nothing but a prepared log and a collection of notes; no sequencer runs."""
    monkeypatch.setattr(connection, "_name", f"atrium_log_{secrets.token_hex(6)}")
    fresh = connection.database()
    await changes.prepare()
    await fresh.create_collection("entries")
    await fresh.notes.create_index("key", unique=True)
    yield fresh
    await connection.client().drop_database(fresh.name)


@pytest.fixture
async def sequencer(empty: AsyncDatabase[Document]) -> AsyncIterator[Sequencer]:
    running = Sequencer()
    task = asyncio.create_task(running.run())
    yield running
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@pytest.fixture
async def hub(sequencer: Sequencer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hub]:
    monkeypatch.setattr(hubs, "POLL", 0.02)  # there are no hints
    running = Hub()
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[str]:
    """This process's signals, connected."""
    signals.connect(redis_url)
    yield redis_url
    await signals.close()
