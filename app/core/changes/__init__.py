"""The change log: writes carry their events, one sequencer numbers them after commit, readers resume by position."""

from app.core.changes.events import Event
from app.core.changes.idempotency import once
from app.core.changes.scope import Rehearsal, atomic, emit, rehearse, rehearsing, scoped, session
from app.core.changes.writes import change, change_all, insert, insert_once, remove

__all__ = [
    "Event",
    "Rehearsal",
    "atomic",
    "change",
    "change_all",
    "emit",
    "insert",
    "insert_once",
    "once",
    "rehearse",
    "rehearsing",
    "remove",
    "scoped",
    "session",
]
