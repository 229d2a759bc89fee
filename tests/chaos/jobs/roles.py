"""A worker of a chaos run: `python -m tests.chaos.jobs.roles MODULE DATABASE LEASE`.

It is Atrium's own worker, but for the jobs that it knows, which are the module's, and for how long it leases them.
"""

import asyncio
import sys
from importlib import import_module

from app import worker
from app.cli.console import logged
from app.core.jobs import Queue, queue


def main(module: str, database: str, lease: str) -> None:
    queue.LEASE = float(lease)
    types = import_module(f"tests.chaos.jobs.{module}").JOBS
    settings = logged().model_copy(update={"mongodb_database": database})
    asyncio.run(worker.run(settings, tuple(Queue), types))


if __name__ == "__main__":
    main(*sys.argv[1:])
