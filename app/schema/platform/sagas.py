from datetime import datetime

import strawberry

from app import models
from app.core.logs import redact
from app.core.sagas import SagaState
from app.schema.kit.fields import computed
from app.schema.kit.nodes import Node, global_id

strawberry.enum(SagaState, description="Where a saga is; STUCK waits for somebody to mend what fails, and resume it.")


@strawberry.type(description="A step that was completed, taken back or given up.")
class PastStep:
    step: str
    undone: bool = strawberry.field(description="Whether it was taken back.")
    began_at: datetime
    ended_at: datetime
    attempts: int

    @computed("error", description="Why it was given up, without what looks like a secret.")
    def error(row: strawberry.Parent[models.PastStep]) -> str | None:
        return None if row.error is None else str(redact(row.error))


@strawberry.type(description="A process of several steps that ends, or takes back what it did.")
class Saga(Node):
    model = models.Saga

    kind: str
    version: int
    state: SagaState
    step: str = strawberry.field(description="The step that is next, is being taken or taken back, or was the last.")
    working: bool = strawberry.field(description="Whether it is being taken now.")
    due: datetime | None = strawberry.field(description="When it may be taken.")
    attempt: int
    final: bool = strawberry.field(description="Whether it can only go forward.")
    stop: str | None = strawberry.field(description="Why somebody cancelled it.")
    history: list[PastStep]
    started_by: str = strawberry.field(description="u:<id> for a person, else who it was in a word.")
    created_at: datetime
    changed_at: datetime
    ended_at: datetime | None

    @computed("organization_id", description="The organization that it is for, if it is for one.")
    def organization_id(row: strawberry.Parent[models.Saga]) -> strawberry.ID | None:
        return global_id("Organization", row.organization_id) if row.organization_id else None

    @computed("error", description="Why the newest attempt failed, without what looks like a secret.")
    def error(row: strawberry.Parent[models.Saga]) -> str | None:
        return None if row.error is None else str(redact(row.error))
