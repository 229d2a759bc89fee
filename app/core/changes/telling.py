"""What this process has told: to the caller who wants to wait until it is heard, and to listeners at once."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import structlog
from bson import ObjectId

from app.core.changes.events import Event

Listener = Callable[[Event], None]

_ids: ContextVar[list[ObjectId] | None] = ContextVar("changes_told", default=None)
_listeners: list[Listener] = []
_log = structlog.stdlib.get_logger(__name__)


@contextmanager
def told() -> Iterator[list[ObjectId]]:
    """The ids of the events that are committed in the body, also by tasks that it starts."""
    ids: list[ObjectId] = []
    token = _ids.set(ids)
    try:
        yield ids
    finally:
        _ids.reset(token)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Call a function for every event that this process commits, before its writer goes on; the log has it later."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


def note(events: Iterable[Event]) -> None:
    """To be called when the write that carried the events is committed."""
    events = tuple(events)
    note_ids(event.id for event in events)
    for listener in _listeners:
        for event in events:
            try:
                listener(event)
            except Exception:  # the write is done, whatever becomes of its listeners
                _log.exception("listener_failed")


def note_ids(events: Iterable[ObjectId]) -> None:
    if (ids := _ids.get()) is not None:
        ids.extend(events)
