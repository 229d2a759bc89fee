"""The servers every test may use: real ones, started once, private unless MONGODB_URI and REDIS_URL name others."""

import gc
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest
import structlog
from beanie import init_beanie
from pymongo.asynchronous.database import AsyncDatabase

from app.core import clock
from app.core import database as connection
from app.core.database import Document
from app.core.settings import Settings
from app.dev.children import ChildFailed, free_port
from app.dev.clamav import ClamAV
from app.dev.embedded import BinaryMissing, EmbeddedMongo, EmbeddedValkey, Server
from app.models import DOCUMENTS
from tests.guards import SessionGuard
from tests.rabbitmq import RabbitMQ

_MEMORY = Path("/dev/shm")
_mongo_port, _valkey_port = free_port(), free_port()
_own_mongo, _own_valkey = "MONGODB_URI" not in os.environ, "REDIS_URL" not in os.environ

# Set before any module reads its settings; a developer's `.env` must not decide what tests do.
Settings.model_config["env_file"] = None
os.environ |= {
    "ATRIUM_ENV": "dev",
    "SECRET_KEY": "for-tests-only-0123456789abcdef0123456789abcdef",
    "MONGODB_DATABASE": f"atrium_test_{secrets.token_hex(6)}",
    "LOG_FORMAT": "text",
    "PASSWORD_MEMORY_MIB": "19",
    "MAIL_PER_MINUTE": "1000000",
    **dict.fromkeys(("RATE_FREE", "RATE_STANDARD", "RATE_SCALE", "RATE_ANONYMOUS"), "100000000"),
}
os.environ.setdefault("MONGODB_URI", f"mongodb://127.0.0.1:{_mongo_port}/?replicaSet=rs0&directConnection=true")
os.environ.setdefault("REDIS_URL", f"redis://127.0.0.1:{_valkey_port}/0")


gc.set_threshold(50_000)
# Without local variables: to write those of a page of the log takes seconds, in which leases run out.
_plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
structlog.configure(processors=[*structlog.get_config()["processors"][:-1], _plain])


def pytest_collection_finish() -> None:
    """Nothing that is there by now will ever be garbage: collections, which some tests ask for, pass over it."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """What this process has chosen is not for those it starts: each of them has servers of its own."""
    for name, own in (("MONGODB_URI", _own_mongo), ("REDIS_URL", _own_valkey)):
        if own:
            del os.environ[name]


@pytest.fixture(scope="session")
def server_directory() -> Iterator[Path]:
    """Where the session's private servers keep their data: in memory, where there is plenty."""
    roomy = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > 8 * 1024**3
    directory = Path(tempfile.mkdtemp(prefix="atrium-test-", dir=_MEMORY if roomy else None))
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


@pytest.fixture(scope="session")
def clamav_port() -> int:
    """Where ClamAV is, once a test has asked for it."""
    return free_port()


@pytest.fixture(scope="session")
def clamav(server_directory: Path, clamav_port: int) -> Iterator[ClamAV]:
    """A ClamAV that knows EICAR's test file. Tests may stop it if they start it again."""
    scanner = ClamAV(server_directory / "clamav", clamav_port)
    try:
        yield scanner.start()
    finally:
        scanner.stop()


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


@pytest.fixture(autouse=True)
def present() -> Iterator[None]:
    """A test may move the clock; the ids that the next makes are of the present again."""
    yield
    clock._last = min(clock._last, int(time.time() * 1_000_000))
