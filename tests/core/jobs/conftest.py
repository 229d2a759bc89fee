"""A queue of its own for every test, and leases short enough to wait for."""

import secrets
from collections.abc import AsyncIterator

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from app.core import changes, jobs
from app.core import database as connection
from app.core.database import Document
from app.core.jobs import queue, runner, timekeeper


@pytest.fixture
async def empty(
    database: AsyncDatabase[Document], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[AsyncDatabase[Document]]:
    """A database with a prepared log and queue, and nothing in them."""
    monkeypatch.setattr(connection, "_name", f"atrium_jobs_{secrets.token_hex(6)}")
    monkeypatch.setattr(queue, "LEASE", 0.6)
    monkeypatch.setattr(runner, "POLL", 0.05)
    monkeypatch.setattr(timekeeper, "POLL", 0.05)
    await changes.prepare()
    await jobs.prepare()
    yield connection.database()
    await connection.client().drop_database(connection.database().name)
