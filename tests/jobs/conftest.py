"""A worker at work, over a database of its own and a real SMTP server."""

import secrets
from collections.abc import AsyncIterator

import pytest
from beanie import init_beanie
from pymongo.asynchronous.database import AsyncDatabase

from app.core import changes, jobs, signals
from app.core import database as connection
from app.core.database import Document
from app.core.jobs import queue, runner
from app.core.settings import settings
from app.models import DOCUMENTS
from tests.jobs.working import Worker
from tests.postoffice import post_office


@pytest.fixture
async def empty(
    database: AsyncDatabase[Document], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[AsyncDatabase[Document]]:
    """A prepared database with nothing in it."""
    monkeypatch.setattr(connection, "_name", f"atrium_work_{secrets.token_hex(6)}")
    monkeypatch.setattr(queue, "LEASE", 1.0)
    monkeypatch.setattr(runner, "POLL", 0.1)
    fresh = connection.database()
    await changes.prepare()
    await jobs.prepare()
    await init_beanie(fresh, document_models=DOCUMENTS)
    yield fresh
    await connection.client().drop_database(fresh.name)


@pytest.fixture
async def idle(
    empty: AsyncDatabase[Document], redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Worker]:
    """A worker that has not started. A message is news at the end of the second in which it was sent."""
    signals.connect(redis_url)
    async with post_office() as office:
        monkeypatch.setenv("SMTP_URL", f"smtp://127.0.0.1:{office.port}")
        monkeypatch.setenv("ABSENCE_SECONDS", "0")
        settings.cache_clear()
        worker = Worker(office)
        yield worker
        await worker.stop()
    await signals.close()
    monkeypatch.undo()
    settings.cache_clear()


@pytest.fixture
async def worker(idle: Worker) -> Worker:
    """A worker at work."""
    idle.start()
    return idle
