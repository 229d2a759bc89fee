"""The change log: writes carry their events, one sequencer numbers them after commit, readers resume by position."""

from app.core.changes.consumer import Consumer
from app.core.changes.events import Event, OfUser
from app.core.changes.hubs import Hub, hub, position, start_hub, stop_hub
from app.core.changes.idempotency import once
from app.core.changes.log import Change, prepare
from app.core.changes.projections import project
from app.core.changes.recovery import begin_epoch, hidden
from app.core.changes.retention import trim
from app.core.changes.scope import Rehearsal, apart, atomic, emit, rehearse, rehearsing, scoped, session
from app.core.changes.sequencer import Sequencer
from app.core.changes.subscription import Subscription
from app.core.changes.telling import listening, told
from app.core.changes.writes import (
    change,
    change_all,
    change_each,
    edit,
    erase,
    insert,
    insert_all,
    insert_once,
    remove,
    tell,
)

__all__ = [
    "Change",
    "Consumer",
    "Event",
    "Hub",
    "OfUser",
    "Rehearsal",
    "Sequencer",
    "Subscription",
    "apart",
    "atomic",
    "begin_epoch",
    "change",
    "change_all",
    "change_each",
    "edit",
    "emit",
    "erase",
    "hidden",
    "hub",
    "insert",
    "insert_all",
    "insert_once",
    "listening",
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
    "tell",
    "told",
    "trim",
]
