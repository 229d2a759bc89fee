"""What a job's function is given: one attempt, what caused it, and the ways to speak of it."""

import time
from collections.abc import Mapping
from typing import Any, Generic, TypeVar, cast

import bson
from bson.errors import InvalidDocument

from app.core import database
from app.core.changes.events import Event
from app.core.changes.scope import Scope, current
from app.core.database import Document
from app.core.jobs.declaration import JobType, Overtaken, Permanent
from app.core.jobs.endings import done
from app.core.jobs.queue import JOBS, same_attempt
from app.core.jobs.schedules import Schedule, Tick

C = TypeVar("C")

REPORT = 0.5
"""Seconds between two notes of progress at least; what comes faster is passed over."""
MAX_RESULT_BYTES = 64 * 1024
MAX_RESULT_DEPTH = 50


class Job(Generic[C]):
    """One attempt at a job.

    `id` is the same in every attempt: an effect outside MongoDB uses it as its idempotency key. `event` is what caused
    it: the event, whose actor is the platform in the event's organization, or the tick of a schedule.
    """

    __slots__ = ("_reported", "_row", "_scope", "event")

    def __init__(self, row: Document, event: C) -> None:
        self._row, self.event = row, event
        self._scope: Scope | None = None
        self._reported = 0.0

    @property
    def id(self) -> str:
        return str(self._row["_id"])

    @property
    def attempt(self) -> int:
        """1 in the first attempt."""
        return cast("int", self._row["attempt"])

    @property
    def finished(self) -> bool:
        """Whether a scope that was kept has ended it."""
        return self._scope is not None and self._scope.committed

    async def report(self, done: int, total: int | None = None, note: str = "") -> None:
        """Show how far the job is. Raises Overtaken when another runner has it."""
        if time.monotonic() < self._reported + REPORT and done != total:
            return
        self._reported = time.monotonic()
        progress = {"done": done, "total": total, "note": note[:200]}
        found = await database.collection(JOBS).update_one(same_attempt(self._row), {"$set": {"progress": progress}})
        if not found.matched_count:
            raise Overtaken(self.id)

    async def finish(self, result: Mapping[str, Any] | None = None) -> None:
        """Make the job's end a part of the running scope: it is kept together with the scope's effects, or not at all.

        Raises Overtaken when another runner has the job, which takes the scope's writes back; RuntimeError outside a
        scope, where the end is noted when the function returns.
        """
        scope = current()
        if scope is None:
            raise RuntimeError("finish() needs an @atomic scope; outside one, return the result")
        check_result(result)
        found = await database.collection(JOBS).update_one(same_attempt(self._row), done(result), session=scope.session)
        if not found.matched_count:
            raise Overtaken(self.id)
        self._scope = scope


def open_job(row: Document, kind: JobType[Any]) -> Job[Any]:
    """The attempt that a row is leased for. Raises Permanent for a row whose event cannot be read."""
    if isinstance(kind.cause, Schedule):
        return Job(row, Tick(row["tick"]))
    try:
        event = Event.read(row["event"])
    except TypeError as error:
        raise Permanent(f"{row['event']['t']} does not fit its class: {error}") from error
    if event is None:
        raise Permanent(f"{row['event']['t']} is not an event")
    return Job(row, event)


def check_result(result: object) -> None:
    """Raises Permanent for what cannot be kept as a result: its job has run, and would not fare better again."""
    if result is None:
        return
    if not isinstance(result, Mapping):
        raise Permanent(f"its result cannot be kept: a mapping is wanted, not {type(result).__name__}")
    try:
        size = len(bson.encode(result))
        deep = _deeper(result, MAX_RESULT_DEPTH)
    except (InvalidDocument, OverflowError, TypeError, UnicodeError, RecursionError) as error:
        raise Permanent(f"its result cannot be kept: {error}") from error
    if deep:
        raise Permanent(f"its result cannot be kept: it is nested deeper than {MAX_RESULT_DEPTH} levels")
    if size > MAX_RESULT_BYTES:
        raise Permanent(f"its result cannot be kept: {size:,} bytes; {MAX_RESULT_BYTES:,} are allowed")


def _deeper(value: object, levels: int) -> bool:
    """Whether mappings and lists are nested deeper than that."""
    inside = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return any(levels == 0 or _deeper(one, levels - 1) for one in inside if isinstance(one, Mapping | list | tuple))
