from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bson import ObjectId

from app.core.jobs import Priority, State
from app.core.jobs.queue import JOBS
from app.core.rows import Value
from app.models.base import PlatformRow


@dataclass(frozen=True, slots=True)
class Progress(Value):
    """How far a job says that it is."""

    done: int
    total: int | None = None
    note: str = ""


class Job(PlatformRow):
    """A durable job, as `core.jobs` keeps it. What caused it is an event of the log or a tick of a schedule."""

    collection = JOBS

    type: str
    """The job's name and the version of what causes it."""
    key: str
    queue: str
    priority: Priority
    organization_id: ObjectId | None = None
    event: dict[str, Any] | None = None
    tick: datetime | None = None
    state: State = State.WAITING
    due: datetime | None = None
    attempt: int
    attempts: int
    cancel: bool = False
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    progress: Progress | None = None
    result: dict[str, Any] | None = None
    last_error: str | None = None

    @property
    def subjects(self) -> dict[str, ObjectId]:
        """What it is about: the ids in the event that caused it, by their names there."""
        data = self.event["d"] if self.event else {}
        return {name: value for name, value in data.items() if isinstance(value, ObjectId)}
