from collections.abc import Mapping
from datetime import datetime
from typing import NewType

import strawberry
from strawberry.types.scalar import ScalarDefinition

from app.core.changes.operations import ConsumerFigures
from app.core.logs import redact
from app.schema.kit.fields import computed
from app.services.platform.consumers import LogState

Position = NewType("Position", int)
POSITIONS: Mapping[object, ScalarDefinition] = {
    Position: strawberry.scalar(
        name="Position", description="A count of changes: a whole number that may outgrow an Int.", serialize=int
    )
}


@strawberry.type(description="The log of everything that happened, from which subscriptions, jobs and caches read.")
class ChangeLog:
    head: Position = strawberry.field(description="The newest position.")
    floor: Position = strawberry.field(description="The last position that was trimmed away.")
    epoch: int = strawberry.field(description="Changes when positions lose their meaning, and all cursors with them.")
    seen: datetime = strawberry.field(description="The commit up to which all is in the log for certain.")
    lag_seconds: float = strawberry.field(description="The age of `seen`: beyond the oplog's window, events are lost.")
    owner: str | None = strawberry.field(description="Who runs the sequencer.")
    since: datetime | None = strawberry.field(description="When that one took over.")
    rows: Position
    rows_of_last_day: Position
    oldest: datetime | None = strawberry.field(description="When the first row above the floor was written.")
    unread_events: Position = strawberry.field(
        description="Events of a release that no worker knows: they wait for one that does."
    )
    unread_since: datetime | None = strawberry.field(description="When the first of them was numbered.")

    @classmethod
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, LogState)


@strawberry.type(description="A durable reader of the log, for all processes together.")
class Consumer:
    name: str
    position: Position | None = strawberry.field(description="The last change it has done with.")
    lag: Position = strawberry.field(description="Rows that it has still to read.")
    lag_seconds: float = strawberry.field(description="The age of the first of them.")
    lost: Position = strawberry.field(
        description="Rows that were trimmed before it read them: it stands still until it is resumed with `skip`."
    )
    owner: str | None = strawberry.field(description="Who runs it.")
    since: datetime | None = strawberry.field(description="When that one took over.")
    paused_at: datetime | None
    restarts: int = strawberry.field(description="How often it began again after a failure.")
    failing: bool = strawberry.field(description="Whether it has not got past what failed last.")
    last_error_at: datetime | None
    last_error_position: Position | None = strawberry.field(
        description="The first change of the page that could not be handled; null when the failure was another."
    )

    @computed("last_error", description="What failed last, without what looks like a secret.")
    def last_error(row: strawberry.Parent[ConsumerFigures]) -> str | None:
        return None if row.last_error is None else str(redact(row.last_error))

    @classmethod
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, ConsumerFigures)
