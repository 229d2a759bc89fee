"""A database with a change log, and a folder for its backups, for every test."""

import secrets
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from app.core import backups, changes
from app.core import database as connection
from app.core.backups import Archive
from app.core.backups.keys import Keys
from app.core.backups.progress import silently
from app.core.database import Document

KEY = b64encode(bytes(range(32))).decode()


@pytest.fixture
async def living(
    database: AsyncDatabase[Document], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[AsyncDatabase[Document]]:
    """The database that is backed up."""
    monkeypatch.setattr(connection, "_name", f"atrium_living_{secrets.token_hex(4)}")
    fresh = connection.database()
    await changes.prepare()
    yield fresh
    for name in await connection.client().list_database_names():
        if name.startswith(fresh.name):
            await connection.client().drop_database(name)


@pytest.fixture
def key() -> str:
    return KEY


@pytest.fixture
def archive(living: AsyncDatabase[Document], tmp_path: Path) -> Archive:
    return Archive(f"file://{tmp_path}/backups", living.name, Keys.parse(KEY))


@pytest.fixture
def restored(archive: Archive, living: AsyncDatabase[Document]) -> Callable[..., Awaitable[AsyncDatabase[Document]]]:
    """Restores beside the living database and answers the copy."""

    async def restore(**options: object) -> AsyncDatabase[Document]:
        name = f"{living.name}_{secrets.token_hex(4)}"
        await backups.restore(archive, name, **{"at": None, "announce": silently, **options})  # type: ignore[arg-type]
        return connection.client().get_database(name)

    return restore
