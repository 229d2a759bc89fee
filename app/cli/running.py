"""`atrium dev`, `serve` and `worker`: the processes."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from app.cli.console import failing_plainly, logged, out
from app.core.jobs import Queue

Port = Annotated[int, typer.Option(envvar="PORT", min=1, max=65_535, help="Where the API listens.")]


def dev(
    port: Port = 8000,
    data_dir: Annotated[Path, typer.Option(envvar="DATA_DIR", help="Where the data are kept.")] = Path(".data"),
    fresh: Annotated[bool, typer.Option("--fresh", envvar="FRESH", help="Delete the kept data first.")] = False,
) -> None:
    """Run everything on this machine: MongoDB, Valkey, a mail box, the API and a worker.

    MONGODB_URI and REDIS_URL, when set, name servers to use instead of private ones.
    """
    from app.dev import children, data, embedded, supervisor

    expected = (data.DataDirectoryError, embedded.BinaryMissing, children.ChildFailed)
    with failing_plainly(*expected):
        supervisor.run(port, data_dir, fresh=fresh, console=out)


def serve(
    host: Annotated[str, typer.Option(envvar="HOST", help="The address to listen on.")] = "127.0.0.1",
    port: Port = 8000,
) -> None:
    """Run the API. It waits for MongoDB and Redis, and stops in order on SIGTERM."""
    from app import main

    with failing_plainly():
        main.serve(logged(), host, port)


def worker(
    queues: Annotated[
        list[Queue] | None, typer.Option("--queue", help="A class of jobs to do, any number of times; all by default.")
    ] = None,
) -> None:
    """Run a worker: the change log's sequencer and consumers, and jobs. Start as many as there is work for."""
    from app import worker as process

    with failing_plainly():
        asyncio.run(process.run(logged(), queues or tuple(Queue)))
