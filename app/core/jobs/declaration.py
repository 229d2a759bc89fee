"""What a durable job is: what causes it, a function that is called until it succeeds, and its limits as data."""

import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from app.core.changes.events import Event
from app.core.jobs.schedules import CatchUp, Schedule, Tick

if TYPE_CHECKING:
    from app.core.jobs.attempt import Job

C = TypeVar("C")
E = TypeVar("E", bound=Event)

Result = Mapping[str, Any] | None
"""What a job leaves to be looked at: values that BSON can hold."""


class Queue(StrEnum):
    """Classes of jobs. Each has slots of its own, and can have worker processes of its own."""

    FAST = "fast"
    """Milliseconds, and somebody is waiting for it."""
    DEFAULT = "default"
    SLOW = "slow"
    """Minutes, or much memory."""
    OUTBOUND = "outbound"
    """Spends its time waiting for a server that is not ours."""
    WEBHOOKS = "webhooks"
    """Spends its time waiting for servers that users have named: slow ones hold up nothing else."""


class Priority(IntEnum):
    """Who comes first within a queue: what is HIGH, always; within one priority organizations take turns."""

    HIGH = 0
    NORMAL = 1
    LOW = 2


class Permanent(Exception):
    """Trying again is of no use: the job is dead at once."""


class Overtaken(Exception):
    """Another runner has the job by now: this one overslept its lease, and its effects must not be kept."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Pauses between attempts, in seconds: up to `first`, twice as long each time, `longest` at most."""

    first: float = 2.0
    longest: float = 3600.0

    def pause(self, attempt: int) -> float:
        """The pause after an attempt (1 is the first), drawn anew each time so that failures do not march in step."""
        return random.random() * min(self.longest, self.first * 2.0 ** min(attempt - 1, 60))  # noqa: S311 - full jitter


@dataclass(frozen=True, slots=True)
class JobType(Generic[C]):
    """A declared job. Events with the same `key` are one job, which is not run before `due`, if it says one."""

    name: str
    cause: type[Event] | Schedule
    run: "Callable[[Job[C]], Awaitable[Result]]"
    key: Callable[[C], str]
    due: Callable[[C], datetime | None] | None = None
    queue: Queue = Queue.DEFAULT
    priority: Priority = Priority.NORMAL
    attempts: int = 8
    timeout: float = 30.0
    backoff: Backoff = Backoff()

    @property
    def event(self) -> str | None:
        """The type of the events that cause it; None when the clock does."""
        return None if isinstance(self.cause, Schedule) else self.cause.type()

    @property
    def type(self) -> str:
        """How rows name it. It holds the version of the event, so that a worker leaves alone what it cannot read."""
        return f"{self.name}.{1 if isinstance(self.cause, Schedule) else self.cause.schema_version}"


def job(
    event: type[E],
    *,
    key: Callable[[E], str] = lambda event: str(event.id),
    due: Callable[[E], datetime | None] | None = None,
    queue: Queue = Queue.DEFAULT,
    priority: Priority = Priority.NORMAL,
    attempts: int = 8,
    timeout: float = 30.0,
    backoff: Backoff = Backoff(),
) -> "Callable[[Callable[[Job[E]], Awaitable[Result]]], JobType[E]]":
    """Declare an async function a job that every event of this type causes.

    It runs at least once until it returns: an exception or `timeout` (seconds) makes it run again after a growing
    pause, `attempts` times at most; Permanent ends it at once. Rows keep the function's name, so a rename orphans
    those that wait.
    """

    def declare(run: "Callable[[Job[E]], Awaitable[Result]]") -> JobType[E]:
        return JobType(_name(run), event, run, key, due, queue, priority, attempts, timeout, backoff)

    return declare


def schedule(
    cron: str,
    *,
    zone: str = "UTC",
    catch_up: CatchUp = CatchUp.LAST,
    queue: Queue = Queue.DEFAULT,
    priority: Priority = Priority.NORMAL,
    attempts: int = 8,
    timeout: float = 30.0,
    backoff: Backoff = Backoff(),
) -> "Callable[[Callable[[Job[Tick]], Awaitable[Result]]], JobType[Tick]]":
    """Declare an async function a job that the clock causes, once for each tick of a cron expression in a time zone.

    The expression has five fields, or six with seconds before them. `catch_up` says what becomes of ticks for which
    no worker ran. Raises ValueError, when the module is loaded, for an expression or zone that is none.
    """
    ticking = Schedule(cron, zone, catch_up)

    def declare(run: "Callable[[Job[Tick]], Awaitable[Result]]") -> JobType[Tick]:
        return JobType(_name(run), ticking, run, Tick.key, None, queue, priority, attempts, timeout, backoff)

    return declare


def _name(run: Any) -> str:
    name: str = run.__name__
    return name
