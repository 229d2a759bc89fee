"""What a durable job is: an event type and a function that is called, once it succeeded, for each such event."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from app.core.changes.events import Event

E = TypeVar("E", bound=Event)


class Permanent(Exception):
    """Trying again is of no use: the job is dead at once."""


@dataclass(frozen=True, slots=True)
class Job(Generic[E]):
    """One attempt at a job.

    `id` is the same in every attempt: an effect outside MongoDB uses it as its idempotency key. The event's actor is
    the platform, in the organization of the event.
    """

    id: str
    event: E
    attempt: int


@dataclass(frozen=True, slots=True)
class JobType(Generic[E]):
    """A declared job. Events with the same `key` are one job, which is not run before `due`."""

    name: str
    event: type[E]
    run: Callable[[Job[E]], Awaitable[None]]
    key: Callable[[E], str]
    due: Callable[[E], datetime] | None
    attempts: int
    timeout: float

    @property
    def type(self) -> str:
        """How rows name it. It holds the version of the event, so that a worker leaves alone what it cannot read."""
        return f"{self.name}.{self.event.schema_version}"


def job(
    event: type[E],
    *,
    key: Callable[[E], str] = lambda event: str(event.id),
    due: Callable[[E], datetime] | None = None,
    attempts: int = 8,
    timeout: float = 30.0,
) -> Callable[[Callable[[Job[E]], Awaitable[None]]], JobType[E]]:
    """Declare an async function a job that every event of this type causes.

    It runs at least once until it returns: an exception or `timeout` (seconds) makes it run again after a growing
    pause, `attempts` times at most; Permanent ends it at once. Rows keep the function's name, so a rename orphans
    those that wait.
    """

    def declare(run: Callable[[Job[E]], Awaitable[None]]) -> JobType[E]:
        name: Any = getattr(run, "__name__")  # noqa: B009 - callables in general have none
        return JobType(name, event, run, key, due, attempts, timeout)

    return declare
