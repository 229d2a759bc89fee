"""What every command speaks through: the two streams, a progress bar, and failures in one sentence."""

import asyncio
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import structlog
import typer
from bson import ObjectId
from pymongo.errors import PyMongoError
from redis.exceptions import RedisError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from app.core import logs
from app.core.errors import AppError
from app.core.listening import PortInUse
from app.core.origin import Door, Origin, coming
from app.core.settings import Settings, SettingsError, settings

T = TypeVar("T")
Verify = Callable[[Callable[[str, int, int], Awaitable[None]], ObjectId | None], Coroutine[Any, Any, T]]

out, err = Console(), Console(stderr=True)


def logged() -> Settings:
    """The settings, with logging set up as they say."""
    values = settings()
    logs.configure(values)
    return values


@contextmanager
def bar() -> Iterator[Callable[[str, int, int], None]]:
    """A progress bar on standard error, moved by calls with the step's name, how many are done, how many there are."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=err, transient=True) as progress:
        task = progress.add_task("")
        yield lambda name, done, total: progress.update(task, description=name, completed=done, total=total)


@contextmanager
def failing_plainly(*expected: type[Exception]) -> Iterator[None]:
    """Turn failures that a person can mend into a message and exit status 1, without a traceback."""
    mendable: tuple[type[Exception], ...] = (SettingsError, PortInUse, *expected)
    try:
        yield
    except mendable as error:
        fail(str(error))
    except PyMongoError as error:
        fail(f"MongoDB cannot be used; see MONGODB_URI. {logs.redact(str(error))[:300]}")
    except RedisError as error:
        fail(f"Redis cannot be used; see REDIS_URL. {logs.redact(str(error))[:300]}")


def answer(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """What the work answers, done with this process connected to its servers. A refusal ends the command with 1."""
    from app import startup
    from app.migrations import runner

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))  # the command speaks

    async def connected() -> T:
        with coming(Origin(Door.COMMAND, f"{socket.gethostname()}:{os.getpid()}")):
            async with startup.connected(settings()):
                await runner.check()
                return await work()

    with failing_plainly(AppError, runner.MigrationsPending):
        return asyncio.run(connected())


def found(verify: Verify[T], organization: str | None) -> T:
    """What a verification has found of one organization, by its id, or of all; a bar shows how far it is."""
    id = organization.rpartition("_")[2] if organization else None
    if id is not None and not ObjectId.is_valid(id):
        fail(f"{organization} is not the id of an organization.")
    with bar() as show:

        async def announce(name: str, done: int, total: int) -> None:
            show(name, done, total)

        return answer(lambda: verify(announce, ObjectId(id) if id else None))


def keep(output: Path, text: str, wrong: str, *, check: bool) -> None:
    """Write a file that is made from the code, print it for `-`, or only `check` it and fail with what is `wrong`."""
    if str(output) == "-":
        print(text, end="")
    elif not check:
        output.write_text(text)
        out.print(f"{output} is written.")
    elif not output.exists() or output.read_text() != text:
        fail(f"{output} {wrong}")


def fail(message: str) -> NoReturn:
    err.print(message, style="red", markup=False, highlight=False)
    raise typer.Exit(1)
