"""Everything that is measured, as processes of their own on a private MongoDB and Valkey."""

import asyncio
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from multiprocessing import get_context
from pathlib import Path

from app import startup
from app.core.changes import log
from app.core.settings import Settings
from app.dev.children import Child, ChildFailed, free_port
from app.dev.embedded import EmbeddedMongo, EmbeddedValkey
from app.migrations import runner
from benchmarks import data, processors
from benchmarks.data import Data

START_SECONDS = 180
POLL_SECONDS = 0.05
STRIPE_SECRET = "whsec_of_benchmarks"

Announce = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Stage:
    """Where things listen, whose processes they are, and what the database holds.

    `writer` runs functions in a process of its own, pinned like the API.
    """

    data: Data
    api_port: int
    by_hand_port: int
    api_pid: int
    by_hand_pid: int
    shared_pids: Mapping[str, int]
    writer: Executor
    cores: tuple[int, int] | None

    def pids(self, server: int) -> dict[str, int]:
        """Whose processor time counts when this process is measured."""
        return {"server": server, **self.shared_pids}


@contextmanager
def staged(announce: Announce) -> Iterator[Stage]:
    """Start it all, and stop it at the end. This process becomes the clients' and gets a core of its own."""
    cores = processors.pair()
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="atrium-benchmarks-")))
        announce("Starting MongoDB and Valkey")
        mongo = stack.enter_context(EmbeddedMongo(directory / "mongodb"))
        valkey = stack.enter_context(EmbeddedValkey(directory / "valkey"))
        os.environ.update(environment(mongo.uri, valkey.url))
        announce("Filling the database")
        settings = Settings()
        asyncio.run(startup.migrate(settings, lambda *_: None))
        filled = asyncio.run(_fill(settings))
        announce("Starting the API, a worker and the handler written by hand")
        api_port, by_hand_port = free_port(), free_port()
        api = _program("api", directory, "app.cli", "serve", f"--port={api_port}")
        worker = _program("worker", directory, "app.cli", "worker")
        reader = filled.reader.actor
        arguments = str(by_hand_port), str(reader.organization_id), str(reader.user_id)
        by_hand = _program("by_hand", directory, "benchmarks.by_hand", *arguments)
        for child in (worker, api, by_hand):
            child.start()
            stack.callback(child.stop)
        server_core = cores[0] if cores else None
        for child in (api, by_hand):
            processors.pin(_pid(child), server_core)
        wait(api, api_port, "/readyz")
        wait(by_hand, by_hand_port, "/livez")
        asyncio.run(_wait_for_numbers(settings))
        writer = stack.enter_context(
            ProcessPoolExecutor(1, get_context("spawn"), initializer=processors.pin, initargs=(0, server_core))
        )
        processors.pin(0, cores[1] if cores else None)
        shared = {"worker": _pid(worker), "mongod": _pid(mongo.process)}
        yield Stage(filled, api_port, by_hand_port, _pid(api), _pid(by_hand), shared, writer, cores)


def _program(name: str, directory: Path, module: str, *arguments: str) -> Child:
    return Child(name, [sys.executable, "-m", module, *arguments], directory)


def environment(mongodb_uri: str, redis_url: str) -> dict[str, str]:
    """Production settings, but for what a run without pauses, mail and proxies needs. Rates are looked at, and high."""
    return {
        "ATRIUM_ENV": "production",
        "MONGODB_URI": mongodb_uri,
        "MONGODB_DATABASE": "atrium_benchmarks",
        "REDIS_URL": redis_url,
        "SECRET_KEY": secrets.token_urlsafe(48),
        "ACCESS_TOKEN_SECONDS": "86400",
        "ABSENCE_SECONDS": "86400",
        "DRAIN_SECONDS": "0",
        "STRIPE_WEBHOOK_SECRETS": STRIPE_SECRET,
        **dict.fromkeys(("RATE_FREE", "RATE_STANDARD", "RATE_SCALE", "RATE_ANONYMOUS"), "1000000000"),
    }


async def _fill(settings: Settings) -> Data:
    startup.connect(settings)
    try:
        await runner.init_documents()
        return await data.fill()
    finally:
        await startup.close()


async def _wait_for_numbers(settings: Settings) -> None:
    """Return when the worker has numbered what filling the database has told."""
    startup.connect(settings)
    try:
        before, head = -1, 0
        while head != before or head == 0:
            await asyncio.sleep(1)
            before, head = head, await log.head()
    finally:
        await startup.close()


def wait(child: Child, port: int, path: str, ready: Callable[[int], bool] = lambda status: status == 200) -> None:
    """Return when the child answers with the right status. Raises ChildFailed when that never comes."""
    deadline = time.monotonic() + START_SECONDS
    while not ready((answer := _ask(port, path))[0]):
        if not child.running or time.monotonic() > deadline:
            raise ChildFailed(f"{child.name} is not ready: {answer[1]}\nThe end of its log:\n{child.log_tail()}")
        time.sleep(POLL_SECONDS)


def _ask(port: int, path: str) -> tuple[int, str]:
    """Status and body of an answer; status 0 when there is none."""
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    except (OSError, HTTPException) as error:
        return 0, repr(error)
    finally:
        connection.close()


def _pid(child: Child) -> int:
    assert child.pid is not None
    return child.pid
