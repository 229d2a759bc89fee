"""What every process does before its work: connect, then wait for its servers, however long, and prepare."""

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import structlog
from redis.asyncio import Redis

from app.core import changes, database, jobs, queries, sagas, signals, suitability
from app.core.backups import claim
from app.core.jobs import JobType
from app.core.settings import Settings
from app.migrations import runner

Step = tuple[str, Callable[[], Awaitable[object]]]
"""A name for the log, and what to do; a step that fails is tried again."""

RETRY_SECONDS = 0.25
MAX_RETRY_SECONDS = 2.0

_log = structlog.stdlib.get_logger(__name__)


def connect(settings: Settings) -> None:
    """Point this process at its MongoDB and Redis; nothing is sent yet."""
    database.connect(settings.mongodb_uri, settings.mongodb_database)
    queries.configure(fast=settings.mongodb_fast_reads)
    signals.connect(str(settings.redis_url))


async def close() -> None:
    """Let go of both."""
    await signals.close()
    await database.close()


@asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[None]:
    """Both, for one piece of work."""
    connect(settings)
    try:
        yield
    finally:
        await close()


def servers(settings: Settings) -> list[Step]:
    """Whether each server that Atrium needs answers; the first steps of every start, and the checks of readiness."""

    async def mongodb() -> None:
        await database.client().admin.command("ping")

    async def redis() -> None:
        async with Redis.from_url(str(settings.redis_url), socket_timeout=2, socket_connect_timeout=2) as client:
            await client.ping()

    return [("mongodb", mongodb), ("mongodb_settings", suitability.check), ("redis", redis)]


def preparation(types: Sequence[JobType[Any]]) -> list[Step]:
    """What both servers and workers need before their own work; they know these types of jobs."""
    return [
        ("restored", claim.check),
        ("oplog", suitability.check_oplog),
        ("changes", changes.prepare),
        ("jobs", partial(jobs.prepare, types)),
        ("sagas", sagas.prepare),
        ("documents", runner.init_documents),
    ]


def spare_the_collector() -> None:
    """Let garbage collection pass over what lives as long as the process; each pass went through the whole schema.

    So the passes over all the rest are short, and are made often: at the pace of the young ones' memory grew by 4 MB a
    thousand requests, by what was in a cycle and had lived for a while.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 5)


async def migrate(settings: Settings, announce: runner.Announce) -> int:
    """Connect, run the pending migrations, let go; answers how many there were. Raises MigrationsRun, BackupError."""
    async with connected(settings):
        await claim.check()
        return await runner.run(announce)


async def seed(settings: Settings, announce: runner.Announce) -> None:
    """Connect, store the demonstration's data, let go. Raises SeedsRefused, Conflict, and MigrationsPending."""
    from app import seeds  # servers and workers never load them

    async with connected(settings):
        await runner.check()
        await runner.init_documents()
        await seeds.seed(announce)


async def complete(steps: Sequence[Step]) -> None:
    """Do the steps in order, each until it succeeds."""
    for name, do in steps:
        pause, told = RETRY_SECONDS, ""
        while True:
            try:
                await do()
                break
            except Exception as error:
                if (kind := type(error).__name__) != told:
                    told = kind
                    _log.warning("startup.waits", step=name, error=repr(error)[:300])
            await asyncio.sleep(pause)
            pause = min(pause * 2, MAX_RETRY_SECONDS)
    _log.info("startup.done")
