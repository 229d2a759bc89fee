"""An audit trail of its own for every test."""

import secrets
from collections.abc import AsyncIterator

import pytest
from beanie import init_beanie
from pymongo.asynchronous.database import AsyncDatabase

from app.core import changes
from app.core import database as connection
from app.core.database import Document
from app.models import AuditChainDocument, AuditEntryDocument, AuditHeadDocument


@pytest.fixture
async def store(
    database: AsyncDatabase[Document], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[AsyncDatabase[Document]]:
    """A prepared database with nothing in it."""
    monkeypatch.setattr(connection, "_name", f"atrium_audit_{secrets.token_hex(6)}")
    fresh = connection.database()
    await changes.prepare()
    await init_beanie(fresh, document_models=[AuditChainDocument, AuditEntryDocument, AuditHeadDocument])
    yield fresh
    await connection.client().drop_database(fresh.name)
