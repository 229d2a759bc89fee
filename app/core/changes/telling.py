"""What a call has told: the ids of its events, so that its caller can wait until they are heard."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from bson import ObjectId

from app.core.changes.events import Event

_ids: ContextVar[list[ObjectId] | None] = ContextVar("changes_told", default=None)


@contextmanager
def told() -> Iterator[list[ObjectId]]:
    """The ids of the events that are committed in the body, also by tasks that it starts."""
    ids: list[ObjectId] = []
    token = _ids.set(ids)
    try:
        yield ids
    finally:
        _ids.reset(token)


def note(events: Iterable[Event]) -> None:
    """To be called when the write that carried the events is committed."""
    note_ids(event.id for event in events)


def note_ids(events: Iterable[ObjectId]) -> None:
    if (ids := _ids.get()) is not None:
        ids.extend(events)
