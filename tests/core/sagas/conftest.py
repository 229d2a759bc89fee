"""A database with nothing but a log and sagas for every test."""

import secrets
from collections.abc import AsyncIterator

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from app.core import changes, sagas
from app.core import database as connection
from app.core.database import Document


@pytest.fixture
async def empty(
    database: AsyncDatabase[Document], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[AsyncDatabase[Document]]:
    """A database with a prepared log, and nothing in it; no sequencer runs."""
    monkeypatch.setattr(connection, "_name", f"atrium_sagas_{secrets.token_hex(6)}")
    await changes.prepare()
    await sagas.prepare()
    fresh = connection.database()
    yield fresh
    await connection.client().drop_database(fresh.name)
