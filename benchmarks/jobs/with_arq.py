"""arq's side: `arq benchmarks.jobs.with_arq.Settings`. POLL_DELAY and MAX_JOBS in the environment tune it."""

import asyncio
import os
from contextlib import suppress
from typing import Any

import uvloop
from arq import create_pool
from arq.connections import RedisSettings
from pymongo import AsyncMongoClient
from pymongo.errors import DuplicateKeyError

from benchmarks.jobs.effects import BEGUN, EFFECTS, effect
from benchmarks.jobs.sending import Order, Sent, send

_REDIS = RedisSettings.from_dsn(os.environ.get("REDIS_URL", "redis://"))


async def connect(ctx: dict[Any, Any]) -> None:
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(os.environ["MONGODB_URI"], w="majority")
    ctx["database"] = client[os.environ["MONGODB_DATABASE"]]


async def work(ctx: dict[Any, Any], number: int, seconds: float) -> None:
    row = effect(ctx["job_id"], number)
    if seconds:
        await ctx["database"][BEGUN].insert_one({"number": number})
        await asyncio.sleep(seconds)
    with suppress(DuplicateKeyError):
        await ctx["database"][EFFECTS].insert_one(row)


class Settings:
    functions = [work]
    redis_settings = _REDIS
    on_startup = connect
    keep_result = 0
    poll_delay = float(os.environ.get("POLL_DELAY", "0.5"))
    max_jobs = int(os.environ.get("MAX_JOBS", "10"))


def enqueue(order: Order) -> Sent:
    """Runs in the sender's process."""

    async def run() -> Sent:
        async with await create_pool(_REDIS) as redis:
            return await send(order, lambda number: redis.enqueue_job("work", number, order.seconds))

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
        return loop.run(run())
