"""Where jobs are measured: a private MongoDB and Valkey, a process that enqueues, and one worker at a time."""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import psutil
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from redis.asyncio import Redis

from app import startup
from app.core.settings import Settings
from app.dev.children import Child, ChildFailed
from app.dev.embedded import EmbeddedMongo, EmbeddedValkey
from benchmarks.jobs.effects import BEGUN, EFFECTS
from benchmarks.jobs.sending import Order, Sent
from benchmarks.stage import Announce, environment

POLL_SECONDS = 0.005


@dataclass(frozen=True, slots=True)
class Contender:
    """Something that runs jobs: the command of its worker, and the function that enqueues, in a process of its own."""

    name: str
    command: Sequence[str]
    enqueue: Callable[[Order], Sent]
    environment: Mapping[str, str] = field(default_factory=dict)


class Stage:
    """What all contenders share. `pids` names the processes, without the worker's, whose processor time counts."""

    def __init__(self, directory: Path, pids: Mapping[str, int], sender: Executor) -> None:
        self._directory, self._sender, self.pids = directory, sender, pids
        client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(os.environ["MONGODB_URI"], w="majority")
        self.database: AsyncDatabase[dict[str, Any]] = client[os.environ["MONGODB_DATABASE"]]

    @contextmanager
    def worker(self, contender: Contender) -> Iterator[Child]:
        """A worker that was just started."""
        variables = {**os.environ, **contender.environment}
        child = Child("worker", [sys.executable, "-m", *contender.command], self._directory, environment=variables)
        child.start()
        try:
            yield child
        finally:
            child.stop()

    async def clear(self) -> None:
        """Forget the effects, and what is in Valkey."""
        for name in (EFFECTS, BEGUN):
            await self.database[name].delete_many({})
        async with Redis.from_url(os.environ["REDIS_URL"]) as redis:
            await redis.flushall()

    async def enqueue(self, contender: Contender, order: Order) -> Sent:
        return await asyncio.get_running_loop().run_in_executor(self._sender, contender.enqueue, order)

    async def done(self, effects: int, worker: Child, seconds: float) -> float:
        """When there were so many effects, by the monotonic clock. Raises ChildFailed when that never comes."""
        deadline = time.monotonic() + seconds
        while await self.database[EFFECTS].estimated_document_count() < effects:
            if not worker.running or time.monotonic() > deadline:
                there = await self.database[EFFECTS].estimated_document_count()
                raise ChildFailed(f"{there} of {effects} jobs are done. The end of the log:\n{worker.log_tail()}")
            await asyncio.sleep(POLL_SECONDS)
        return time.monotonic()


@contextmanager
def staged(announce: Announce) -> Iterator[Stage]:
    """Start what is shared, and stop it at the end. Nothing is pinned: Celery and MongoDB use every core they find."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="atrium-benchmarks-")))
        announce("Starting MongoDB and Valkey")
        mongo = stack.enter_context(EmbeddedMongo(directory / "mongodb"))
        valkey = stack.enter_context(EmbeddedValkey(directory / "valkey"))
        os.environ.update(environment(mongo.uri, valkey.url))
        asyncio.run(startup.migrate(Settings(), lambda *_: None))
        sender = stack.enter_context(ProcessPoolExecutor(1, get_context("spawn")))
        pids = {"sender": sender.submit(os.getpid).result(), "valkey": _pid(valkey), "mongod": _pid(mongo)}
        yield Stage(directory, pids, sender)


def kill_all(worker: Child) -> None:
    """SIGKILL for the worker and all its children at once, as when their machine stops."""
    assert worker.pid is not None
    process = psutil.Process(worker.pid)
    for one in (process, *process.children(recursive=True)):
        one.kill()
    worker.kill()


def _pid(server: EmbeddedMongo | EmbeddedValkey) -> int:
    assert server.process.pid is not None
    return server.process.pid
