"""The process's connection to MongoDB."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any

from bson.codec_options import CodecOptions
from pymongo import AsyncMongoClient
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase

Document = dict[str, Any]

_client: AsyncMongoClient[Document] | None = None
_name = ""
_collections: dict[tuple[int, str, str], AsyncCollection[Document]] = {}
"""By client, database and name: making one takes longer than encoding a command."""
_other: ContextVar[str | None] = ContextVar("other database", default=None)


def connect(uri: str, name: str, **options: Any) -> None:
    """Set the database of this process; nothing is sent before the first command. Options are PyMongo's, for tests.

    The tuning is for failover: a dead node is noticed in two seconds, a hung one in fifteen, and a write that was
    acknowledged is on a majority.
    """
    global _client, _name
    tuned: dict[str, Any] = {
        "w": "majority",
        "retryWrites": True,
        "retryReads": True,
        "connectTimeoutMS": 2_000,
        "heartbeatFrequencyMS": 2_000,
        "serverSelectionTimeoutMS": 8_000,
        "socketTimeoutMS": 15_000,
        "waitQueueTimeoutMS": 750,  # a read waits twice, since the driver tries it again; never under pymongo.timeout()
        "maxPoolSize": 50,
        "maxIdleTimeMS": 300_000,
        "tz_aware": True,
        "appname": "atrium",
    }
    _collections.clear()
    _client, _name = AsyncMongoClient(uri, **{**tuned, **options}), name


async def close() -> None:
    global _client
    if _client is not None:
        await _client.close()
        _client = None
        _collections.clear()


def client() -> AsyncMongoClient[Document]:
    if _client is None:
        raise RuntimeError("connect() comes first")
    return _client


@contextmanager
def using(name: str) -> Iterator[None]:
    """Let the body, and tasks that it starts, take another database of the same server for the process's own."""
    token = _other.set(name)
    try:
        yield
    finally:
        _other.reset(token)


def database() -> AsyncDatabase[Document]:
    return client().get_database(_other.get() or _name, CodecOptions(tz_aware=True))


async def moment() -> datetime:
    """The present moment by the server's clock, in UTC, as `$$NOW` has it there."""
    answer: Document = await database().command("hello", codec_options=database().codec_options)
    moment: datetime = answer["localTime"]
    return moment


def collection(name: str) -> AsyncCollection[Document]:
    key = id(_client), _other.get() or _name, name
    found = _collections.get(key)
    if found is None:
        found = _collections[key] = database()[name]
    return found
