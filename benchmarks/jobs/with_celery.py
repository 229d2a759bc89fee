"""Celery's side: `celery -A benchmarks.jobs.with_celery worker`. LATE and PREFETCH in the environment tune it."""

import os
import time
from contextlib import suppress
from functools import cache
from typing import Any

from celery import Celery, Task
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from benchmarks.jobs.effects import BEGUN, CAUSES, EFFECTS, effect
from benchmarks.jobs.sending import Order, Sent, send_blocking

app = Celery("benchmarks", broker=os.environ.get("REDIS_URL"))
app.conf.update(
    task_ignore_result=True,
    task_acks_late=os.environ.get("LATE", "1") == "1",
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=int(os.environ.get("PREFETCH", "4")),
    broker_connection_retry_on_startup=True,
)


@app.task(bind=True)  # type: ignore[untyped-decorator]
def work(self: Task, number: int, seconds: float) -> None:
    row = effect(self.request.id, number)
    if seconds:
        _database()[BEGUN].insert_one({"number": number})
        time.sleep(seconds)
    with suppress(DuplicateKeyError):
        _database()[EFFECTS].insert_one(row)


@cache
def _database() -> Database[dict[str, Any]]:
    """Of this process: a client must not be taken through a fork."""
    return MongoClient(os.environ["MONGODB_URI"], w="majority")[os.environ["MONGODB_DATABASE"]]


def enqueue(order: Order) -> Sent:
    """Runs in the sender's process, which keeps Celery's pool of connections."""
    return send_blocking(order, lambda number: work.apply_async((number, order.seconds)))


def enqueue_after_write(order: Order) -> Sent:
    """The same for jobs that a write causes, as all of Atrium's are: the document first, and then the call."""

    def write(number: int) -> None:
        _database()[CAUSES].insert_one({"number": number})
        work.apply_async((number, order.seconds))

    return send_blocking(order, write)
