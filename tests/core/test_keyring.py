"""Data keys, by what can be read and what cannot (S18)."""

import asyncio
import secrets
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator

import pytest
from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from app.core import database as connection
from app.core import keyring
from app.core.database import Document
from app.core.keyring import KeyGone, Sealed, Unwrappable
from app.core.settings import settings

CANARY = "canary-8d1f"


@pytest.fixture(autouse=True)
async def store(
    database: AsyncDatabase[Document], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[AsyncDatabase[Document]]:
    monkeypatch.setattr(connection, "_name", f"atrium_keys_{secrets.token_hex(6)}")
    fresh = connection.database()
    yield fresh
    await connection.client().drop_database(fresh.name)


@pytest.fixture
def masters(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Two master keys, of which the first is set."""
    keys = [b64encode(secrets.token_bytes(32)).decode() for _ in range(2)]
    _use(monkeypatch, keys[0])
    yield keys
    monkeypatch.undo()
    _forget()


async def test_what_is_sealed_can_be_read_and_is_not_there_to_be_seen(store: AsyncDatabase[Document]) -> None:
    person = keyring.person(ObjectId())
    sealed = await keyring.seal(person, CANARY)
    assert (await sealed.text(), sealed.owner) == (CANARY, person)
    assert bytes(sealed).find(CANARY.encode()) == -1
    assert sealed != await keyring.seal(person, CANARY), "equal texts look different"
    row = await store.data_keys.find_one({"_id": person})
    assert row
    assert set(row) == {"_id", "wrapped", "master", "created_at"}


async def test_twenty_at_once_make_one_key() -> None:
    person = keyring.person(ObjectId())
    sealed = await asyncio.gather(*(keyring.seal(person, str(n)) for n in range(20)))
    keyring._known.clear()
    assert [await one.text() for one in sealed] == [str(n) for n in range(20)]


async def test_the_key_of_one_opens_nothing_of_another() -> None:
    mine, yours = keyring.person(ObjectId()), keyring.person(ObjectId())
    sealed = await keyring.seal(mine, CANARY)
    await keyring.seal(yours, "anything")
    head = bytes((await keyring.seal(yours, ""))[:13])
    with pytest.raises(ValueError, match="not sealed"):
        await Sealed(head + sealed[13:]).open()
    with pytest.raises(ValueError, match="not sealed"):
        await Sealed(sealed[:-1] + bytes([sealed[-1] ^ 1])).open()


async def test_without_its_key_it_is_lost_for_ever_once_processes_have_forgotten_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    person = keyring.person(ObjectId())
    sealed = await keyring.seal(person, CANARY)
    await keyring.destroy(person)
    assert await sealed.text() is None
    with pytest.raises(KeyGone):
        await keyring.seal(person, "more")
    elsewhere = keyring.person(ObjectId())
    sealed = await keyring.seal(elsewhere, CANARY)
    copies = dict(keyring._known)  # another process has them, too
    await keyring.destroy(elsewhere)
    keyring._known.update(copies)
    assert await sealed.text() == CANARY
    later = time.monotonic() + keyring.TRUSTED + 1
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert await sealed.text() is None


async def test_another_master_key_wraps_what_there_is(
    store: AsyncDatabase[Document], masters: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed = [await keyring.seal(keyring.person(ObjectId()), CANARY) for _ in range(3)]
    old = {row["_id"]: row["wrapped"] async for row in store.data_keys.find()}
    _use(monkeypatch, f"{masters[1]},{masters[0]}")
    assert [await one.text() for one in sealed] == [CANARY] * 3
    assert await keyring.rewrap(_silent) == 3
    assert await keyring.rewrap(_silent) == 0
    _use(monkeypatch, masters[1])
    assert [await one.text() for one in sealed] == [CANARY] * 3
    assert all([old[row["_id"]] != row["wrapped"] async for row in store.data_keys.find()])
    _use(monkeypatch, masters[0])
    with pytest.raises(Unwrappable, match="MASTER_KEY"):
        await sealed[0].text()


async def _silent(name: str, done: int, total: int) -> None:
    pass


def _use(monkeypatch: pytest.MonkeyPatch, keys: str) -> None:
    monkeypatch.setenv("MASTER_KEY", keys)
    _forget()


def _forget() -> None:
    settings.cache_clear()
    keyring._masters.cache_clear()
    keyring._known.clear()
