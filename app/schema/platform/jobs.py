from datetime import datetime

import orjson
import strawberry
from strawberry import UNSET
from strawberry.scalars import JSON

from app import models
from app.core.jobs import Priority, State
from app.core.logs import redact
from app.schema.kit.fields import computed
from app.schema.kit.filters import DateTimeFilter, IdFilter, StringFilter, combined, refers
from app.schema.kit.nodes import Node, global_id
from app.schema.kit.transitions import AvailableTransition, available_transitions
from app.schema.organizations.organizations import Organization
from app.services.platform import jobs
from app.services.platform.jobs import JOB

strawberry.enum(State, name="JobState", description="Where a job is in its life.")
strawberry.enum(Priority, name="JobPriority", description="Who comes first within a queue.")


@strawberry.type(description="How far a job says that it is.")
class JobProgress:
    done: int
    total: int | None
    note: str


@strawberry.type(description="What a job is about: the ids in the event that caused it.")
class JobSubject:
    name: str
    id: str


@strawberry.type(description="The event that caused a job: what it was and what it was about, never what it said.")
class JobEvent:
    id: str
    type: str
    actor: str = strawberry.field(description="u:<id> for a person, else who it was in a word.")
    subjects: list[JobSubject]


@strawberry.type(description="Something to be done later, and not lost before it is done.")
class Job(Node):
    model = models.Job

    type: str = strawberry.field(description="Its name and the version of what causes it.")
    queue: str
    priority: Priority
    state: State
    due: datetime | None = strawberry.field(
        description="When it becomes ready, if it waits; when its runner must have been heard of, if it runs."
    )
    tick: datetime | None = strawberry.field(description="The moment of its schedule, if one caused it.")
    attempt: int = strawberry.field(description="How often it was begun.")
    attempts: int = strawberry.field(description="How often it is begun at most.")
    cancelling: bool = strawberry.field(
        resolver=lambda root: root.cancel,
        description="Whether its runner was asked to stop it.",
        metadata={"reads": ("cancel",)},
    )
    created_at: datetime
    started_at: datetime | None = strawberry.field(description="When the newest attempt began.")
    finished_at: datetime | None
    progress: JobProgress | None
    available_transitions: list[AvailableTransition] = available_transitions(JOB)

    @computed("organization_id", description="The organization that it is for, if it is for one.")
    def organization_id(row: strawberry.Parent[models.Job]) -> strawberry.ID | None:
        return global_id("Organization", row.organization_id) if row.organization_id else None

    @computed("event", description="What caused it, unless a schedule did.")
    def event(row: strawberry.Parent[models.Job]) -> JobEvent | None:
        if row.event is None:
            return None
        subjects = [JobSubject(name=name, id=str(id)) for name, id in row.subjects.items()]
        return JobEvent(id=str(row.event["e"]), type=row.event["t"], actor=row.event["a"], subjects=subjects)

    @computed("result", description="What it left when it was done.")
    def result(row: strawberry.Parent[models.Job]) -> JSON | None:
        return None if row.result is None else orjson.loads(orjson.dumps(redact(row.result), default=str))

    @computed("last_error", description="Why its newest attempt failed, without what looks like a secret.")
    def last_error(row: strawberry.Parent[models.Job]) -> str | None:
        return None if row.last_error is None else str(redact(row.last_error))


@strawberry.type(description="What became of dead jobs.")
class DeadJobs:
    count: int = strawberry.field(description="How many were changed.")
    more: bool = strawberry.field(description="Whether there are more: ask again, with `until` as `diedBefore`.")
    until: datetime = strawberry.field(description="Those were meant whose last attempt began before this moment.")

    @classmethod
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, jobs.DeadJobs)


@strawberry.input(description="Comparisons; all that are given must hold.")
class JobStateFilter:
    eq: State | None = UNSET
    ne: State | None = UNSET
    in_: list[State] | None = strawberry.field(name="in", default=UNSET)
    not_in: list[State] | None = UNSET


@strawberry.input(description="Which jobs; all that is given must hold.")
class JobFilter:
    type: StringFilter | None = UNSET
    queue: StringFilter | None = UNSET
    state: JobStateFilter | None = UNSET
    organization_id: IdFilter | None = refers(Organization)
    created_at: DateTimeFilter | None = UNSET
    finished_at: DateTimeFilter | None = UNSET
    and_: list["JobFilter"] | None = combined("and")
    or_: list["JobFilter"] | None = combined("or")
    not_: "JobFilter | None" = combined("not")
