"""Sagas: processes of several steps that end, or take back what they did.

A saga is one document. The write that completes a step starts the next: it carries the event whose durable job takes
it. Killed at any instant, a process neither skips a completed step nor repeats one.
"""

from app.core.sagas.conductor import Conductor, UnknownSaga
from app.core.sagas.declaration import Again, Answer, SagaType, Step
from app.core.sagas.moves import NotStuck, PastReturn, cancel, find, resume, start
from app.core.sagas.recovery import overdue, recover
from app.core.sagas.saga import Past, Saga, SagaMoved, SagaState, prepare

__all__ = [
    "Again",
    "Answer",
    "Conductor",
    "NotStuck",
    "Past",
    "PastReturn",
    "Saga",
    "SagaMoved",
    "SagaState",
    "SagaType",
    "Step",
    "UnknownSaga",
    "cancel",
    "find",
    "overdue",
    "prepare",
    "recover",
    "resume",
    "start",
]
