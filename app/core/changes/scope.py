"""Atomic scopes: several writes and their events in one transaction, kept or rolled back together."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, Generic, ParamSpec, TypeVar

from bson import ObjectId
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from app.core import database, origin
from app.core.changes import telling
from app.core.changes.envelope import FIELD, Image, pack, packed
from app.core.changes.events import Event
from app.core.clock import new_id
from app.core.errors import Unavailable
from app.core.metrics import ATOMIC_ATTEMPTS
from app.core.origin import Origin

P = ParamSpec("P")
T = TypeVar("T")

OUTBOX = "outbox"
DEADLINE = 8.0
"""Seconds that a scope may spend on being run again."""
_COMMIT_MS = 5_000
_MAX_PAUSE = 0.25


@dataclass(frozen=True, slots=True)
class Rehearsal(Generic[T]):
    """What a rehearsed call would have answered, and the events that it would have told."""

    result: T
    events: Sequence[Event]


@dataclass(slots=True)
class Scope:
    """One attempt: its transaction's session and what it has told so far."""

    session: AsyncClientSession
    rehearsal: bool
    task: "asyncio.Task[object] | None"
    events: list[Event] = field(default_factory=list)
    images: dict[ObjectId, Image] = field(default_factory=dict)
    """By event: what the audited fields of a document were and are."""
    origins: dict[ObjectId, Origin] = field(default_factory=dict)
    """By event: where it comes from, if not from where the scope does."""
    ended: bool = False
    committed: bool = False


_scope: ContextVar[Scope | None] = ContextVar("changes_scope", default=None)


def current() -> Scope | None:
    """The running scope. RuntimeError in a task that a scope started: a transaction runs one command at a time."""
    scope = _scope.get()
    if scope is None:
        return None
    if scope.ended or scope.task is not asyncio.current_task():
        raise RuntimeError(
            "an atomic scope belongs to the task that opened it: await its database work there, start no tasks"
        )
    return scope


def scoped() -> bool:
    """Whether an atomic scope (or a rehearsal) is running."""
    return current() is not None


def session() -> AsyncClientSession | None:
    """The session of the running scope, which every command inside it must carry; None outside."""
    scope = current()
    return scope.session if scope else None


def rehearsing() -> bool:
    """Whether the running scope is a rehearsal, which will be rolled back."""
    scope = current()
    return scope is not None and scope.rehearsal


async def apart(call: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run outside the scope, if there is one: what the call writes stays, whatever becomes of the scope.

    It must not touch what the scope has written, or the two wait for each other.
    """
    context = copy_context()
    context.run(_scope.set, None)
    return await asyncio.create_task(call(), context=context)


def emit(*events: Event) -> None:
    """Tell events with the running scope's transaction. Raises RuntimeError outside a scope."""
    scope = current()
    if scope is None:
        raise RuntimeError("emit() needs an @atomic scope; outside one, pass the events to change() or insert()")
    scope.events.extend(events)
    if coming := origin.current():
        scope.origins.update(dict.fromkeys((event.id for event in events), coming))


def atomic(function: Callable[P, Awaitable[T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Run an async function in one transaction, or join the one that is running.

    MongoDB may ask for the function to be run again (a write conflict, a failover), so it must do database work only
    and start from its arguments. Raises Unavailable when conflicts outlast DEADLINE.
    """

    @wraps(function)
    async def run(*args: P.args, **kwargs: P.kwargs) -> T:
        if scoped():
            return await function(*args, **kwargs)
        return (await _attempts(lambda: function(*args, **kwargs), rehearsal=False)).result

    return run


async def rehearse(call: Callable[[], Awaitable[T]]) -> Rehearsal[T]:
    """A dry run: the same code in a transaction that is rolled back. Same refusals, same answer, nothing kept."""
    if scoped():
        raise RuntimeError("a rehearsal cannot be part of another scope: nothing would roll its writes back")
    return await _attempts(call, rehearsal=True)


async def _attempts(call: Callable[[], Awaitable[T]], *, rehearsal: bool) -> Rehearsal[T]:
    ends, attempt = time.monotonic() + DEADLINE, 0
    while True:
        try:
            result = await _attempt(call, rehearsal)
        except PyMongoError as error:
            if not error.has_error_label("TransientTransactionError"):
                raise
            if time.monotonic() > ends:
                raise Unavailable("This is being changed by too many others at once. Try again.") from error
        else:
            ATOMIC_ATTEMPTS.observe(attempt + 1)
            return result
        attempt += 1
        await asyncio.sleep(random.random() * min(_MAX_PAUSE, 0.005 * 2**attempt))  # noqa: S311 - jitter


async def _attempt(call: Callable[[], Awaitable[T]], rehearsal: bool) -> Rehearsal[T]:
    async with database.client().start_session() as transaction:
        await transaction.start_transaction(
            ReadConcern("snapshot"), WriteConcern("majority"), max_commit_time_ms=_COMMIT_MS
        )
        scope = Scope(transaction, rehearsal, asyncio.current_task())
        token = _scope.set(scope)
        try:
            result = await call()
        finally:
            _scope.reset(token)
            scope.ended = True
        if scope.events:  # a rehearsal fails where the real call would, too
            # A rehearsal seals nothing: that could make somebody's data key, which would stay.
            told = (
                packed([e.row() for e in scope.events])
                if rehearsal
                else await pack(scope.events, scope.images, scope.origins)
            )
            carrier = {"_id": new_id(), FIELD: told}
            await database.collection(OUTBOX).insert_one(carrier, session=transaction)
        if rehearsal:
            await transaction.abort_transaction()
        else:
            await _commit(transaction)
            scope.committed = True
            telling.note(scope.events)
        return Rehearsal(result, tuple(scope.events))


async def _commit(transaction: AsyncClientSession) -> None:
    ends = time.monotonic() + DEADLINE
    while True:  # committing again is safe: the server knows the transaction by its number
        try:
            return await transaction.commit_transaction()
        except PyMongoError as error:
            if not error.has_error_label("UnknownTransactionCommitResult") or time.monotonic() > ends:
                raise
        await asyncio.sleep(0.05)
