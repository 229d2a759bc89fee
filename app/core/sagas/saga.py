"""One run of a saga, as it is stored in `sagas`."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar

from bson import ObjectId
from pymongo import ASCENDING, IndexModel

from app.core import database
from app.core.changes.events import Event
from app.core.clock import EPOCH, new_id, now
from app.core.rows import Row, Value

KEPT = timedelta(days=90)
"""How long a saga that has ended can be looked at."""


class SagaState(StrEnum):
    RUNNING = "running"
    COMPENSATING = "compensating"
    """It takes its steps back, the newest first."""
    STUCK = "stuck"
    """A step failed that can neither be completed nor taken back: somebody has to mend it, and `resume`."""
    DONE = "done"
    COMPENSATED = "compensated"
    CANCELLED = "cancelled"


ENDED = frozenset({SagaState.DONE, SagaState.COMPENSATED, SagaState.CANCELLED})


@dataclass(slots=True)
class Past(Value):
    """A step that was completed, taken back (`undone`) or given up (`error`)."""

    step: str
    undone: bool
    began_at: datetime
    ended_at: datetime
    attempts: int
    error: str | None = None


@dataclass(kw_only=True)
class Saga(Row):
    """Where a saga is, and what its steps have told each other in `data`.

    `turn` rises with every move, so that nothing moves it twice from one place. `working` says that a step is being
    taken, `due` when its turn may be, `final` that nothing can be taken back any more, `stop` why somebody wants it to
    end.
    """

    collection: ClassVar[str] = "sagas"

    id: ObjectId = field(default_factory=new_id)
    kind: str
    version: int
    organization_id: ObjectId | None
    started_by: str
    state: SagaState = SagaState.RUNNING
    step: str
    final: bool = False
    turn: int = 1
    due: datetime | None
    working: bool = False
    attempt: int = 0
    began_at: datetime | None = None
    error: str | None = None
    stop: str | None = None
    data: dict[str, Any]
    history: list[Past] = field(default_factory=list)
    created_at: datetime = field(default_factory=now)
    changed_at: datetime = field(default_factory=now)
    ended_at: datetime | None = None

    @property
    def forward(self) -> bool:
        """Whether the step is to be taken; else it is to be taken back."""
        return self.state is SagaState.RUNNING

    @property
    def reference(self) -> str:
        """The same in every call of a step: the idempotency key of its effects outside."""
        return f"{self.id}:{self.step}" + ("" if self.forward else ":undo")


@dataclass(frozen=True, kw_only=True)
class SagaMoved(Event):
    """A saga has come to its next turn, which may be taken from `due` on."""

    audited = False

    saga: ObjectId
    turn: int
    due: datetime


async def prepare() -> None:
    """Create the indexes. May be run again, by many processes at once."""
    await database.collection(Saga.collection).create_indexes(
        [
            IndexModel([("state", ASCENDING), ("changed_at", ASCENDING)]),
            IndexModel([("organization_id", ASCENDING), ("_id", ASCENDING)]),
            IndexModel([("due", ASCENDING)], partialFilterExpression={"due": {"$gt": EPOCH}}),
            IndexModel([("ended_at", ASCENDING)], expireAfterSeconds=int(KEPT.total_seconds())),
        ]
    )
