"""The servers every test may use: real ones, started once, private unless MONGODB_URI and REDIS_URL name others."""

import os
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest
from beanie import init_beanie
from pymongo.asynchronous.database import AsyncDatabase

from app.core import database as connection
from app.core.database import Document
from app.core.settings import Settings
from app.dev.children import ChildFailed, free_port
from app.dev.embedded import BinaryMissing, EmbeddedMongo, EmbeddedValkey, Server
from app.models import DOCUMENTS
from tests.guards import SessionGuard
from tests.rabbitmq import RabbitMQ

_mongo_port, _valkey_port = free_port(), free_port()
_own_mongo, _own_valkey = "MONGODB_URI" not in os.environ, "REDIS_URL" not in os.environ

# Set before any module reads its settings; a developer's `.env` must not decide what tests do.
Settings.model_config["env_file"] = None
os.environ |= {
    "ATRIUM_ENV": "dev",
    "SECRET_KEY": "for-tests-only-0123456789abcdef0123456789abcdef",
    "MONGODB_DATABASE": f"atrium_test_{secrets.token_hex(6)}",
    "LOG_FORMAT": "text",
}
os.environ.setdefault("MONGODB_URI", f"mongodb://127.0.0.1:{_mongo_port}/?replicaSet=rs0&directConnection=true")
os.environ.setdefault("REDIS_URL", f"redis://127.0.0.1:{_valkey_port}/0")


@pytest.fixture(scope="session")
def server_directory() -> Iterator[Path]:
    """Where the session's private servers keep their data."""
    directory = Path(tempfile.mkdtemp(prefix="atrium-test-"))
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def mongodb_uri(server_directory: Path) -> Iterator[str]:
    """A MongoDB replica set."""
    with _started(EmbeddedMongo, server_directory / "mongodb", _mongo_port) if _own_mongo else nullcontext():
        yield os.environ["MONGODB_URI"]


@pytest.fixture(scope="session")
def redis_url(server_directory: Path) -> Iterator[str]:
    """A Valkey or Redis that nobody else uses."""
    with _started(EmbeddedValkey, server_directory / "valkey", _valkey_port) if _own_valkey else nullcontext():
        yield os.environ["REDIS_URL"]


@pytest.fixture(scope="session")
def rabbitmq(server_directory: Path) -> Iterator[RabbitMQ]:
    """A RabbitMQ. Tests may kill it if they start it again."""
    broker = RabbitMQ(server_directory / "rabbitmq")
    try:
        yield broker.start()
    finally:
        broker.stop()


@contextmanager
def _started(server: type[Server], directory: Path, port: int) -> Iterator[None]:
    try:
        running = server(directory, port).start()
    except (BinaryMissing, ChildFailed) as error:
        pytest.exit(f"The tests need real servers. {error}", returncode=1)
    yield
    running.stop()


@pytest.fixture(scope="session")
async def database(mongodb_uri: str) -> AsyncIterator[AsyncDatabase[Document]]:
    """The process's database, connected, with a name of this session's own; watched (R23), and dropped at the end."""
    guard = SessionGuard()
    connection.connect(mongodb_uri, os.environ["MONGODB_DATABASE"], event_listeners=[guard])
    yield connection.database()
    assert guard.escaped == [], "R23: commands that went past the transaction of their scope"
    await connection.client().drop_database(os.environ["MONGODB_DATABASE"])
    await connection.close()


@pytest.fixture(scope="session")
async def documents(database: AsyncDatabase[Document]) -> AsyncDatabase[Document]:
    """The database, ready to take every kind of document, with its indexes."""
    await init_beanie(database, document_models=DOCUMENTS)
    return database


@pytest.fixture(autouse=True)
def connection_of_its_own() -> Iterator[None]:
    """A test may connect to a server of its own; the next finds the process's connection as it was."""
    client, name = connection._client, connection._name
    yield
    connection._client, connection._name = client, name
