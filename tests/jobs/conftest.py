"""A worker at work, over a database of its own and a real SMTP server."""

import secrets
from collections.abc import AsyncIterator

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from app.core import changes, jobs, sagas, signals
from app.core import database as connection
from app.core.database import Document
from app.core.jobs import queue, runner
from app.core.settings import settings
from app.migrations.runner import build_indexes
from tests.jobs.working import Worker
from tests.postoffice import post_office


@pytest.fixture(scope="session")
async def workplace(documents: AsyncDatabase[Document]) -> AsyncIterator[str]:
    """The name of a database with every index; to build them takes longer than most tests."""
    name = f"atrium_work_{secrets.token_hex(6)}"
    await build_indexes(connection.client()[name])
    yield name
    await connection.client().drop_database(name)


@pytest.fixture
async def empty(workplace: str, monkeypatch: pytest.MonkeyPatch) -> AsyncDatabase[Document]:
    """A prepared database with nothing in it."""
    monkeypatch.setattr(connection, "_name", workplace)
    monkeypatch.setattr(queue, "LEASE", 1.0)
    monkeypatch.setattr(runner, "POLL", 0.1)
    stored = connection.database()
    for name in await stored.list_collection_names():
        await (stored[name].drop() if name == "system.profile" else stored[name].delete_many({}))
    await changes.prepare()
    await jobs.prepare()
    await sagas.prepare()
    return stored


@pytest.fixture
async def idle(
    empty: AsyncDatabase[Document], redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Worker]:
    """A worker that has not started. A message is news at the end of the second in which it was sent."""
    signals.connect(redis_url)
    async with post_office() as office:
        monkeypatch.setenv("SMTP_URL", f"smtp://127.0.0.1:{office.port}")
        monkeypatch.setenv("ABSENCE_SECONDS", "0")
        monkeypatch.setenv("PUBLIC_URL", "http://127.0.0.1:8000")
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
