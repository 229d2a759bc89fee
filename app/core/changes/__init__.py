"""The change log: writes carry their events, one sequencer numbers them after commit, readers resume by position."""

from app.core.changes.consumer import Consumer
from app.core.changes.events import Event
from app.core.changes.hubs import Hub, hub, position, start_hub, stop_hub
from app.core.changes.idempotency import once
from app.core.changes.log import Change, prepare
from app.core.changes.projections import project
from app.core.changes.recovery import begin_epoch, hidden
from app.core.changes.retention import trim
from app.core.changes.scope import Rehearsal, apart, atomic, emit, rehearse, rehearsing, scoped, session
from app.core.changes.sequencer import Sequencer
from app.core.changes.subscription import Subscription
from app.core.changes.telling import told
from app.core.changes.writes import change, change_all, edit, erase, insert, insert_once, remove

__all__ = [
    "Change",
    "Consumer",
    "Event",
    "Hub",
    "Rehearsal",
    "Sequencer",
    "Subscription",
    "apart",
    "atomic",
    "begin_epoch",
    "change",
    "change_all",
    "edit",
    "emit",
    "erase",
    "hidden",
    "hub",
    "insert",
    "insert_once",
    "once",
    "position",
    "prepare",
    "project",
    "rehearse",
    "rehearsing",
    "remove",
    "scoped",
    "session",
    "start_hub",
    "stop_hub",
    "told",
    "trim",
]
