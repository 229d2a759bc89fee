"""Events as a subscription brings them: each with the cursor from which to go on."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from datetime import datetime
from typing import Any, ClassVar, TypeVar

import strawberry

from app.core import changes
from app.core.changes import Event
from app.core.feeds import Told
from app.models.base import StoredRow
from app.schema.kit.context import Info
from app.schema.kit.fields import computed

T = TypeVar("T")


@strawberry.interface(description="Something that happened.")
class FeedEvent:
    """A GraphQL type whose values are `Told` with this `event`."""

    event: ClassVar[type[Event]]

    at: datetime

    @computed(description="Give it as `after` to go on from here; null for what the log does not keep.")
    def cursor(heard: strawberry.Parent[Any]) -> str | None:
        return heard.cursor if isinstance(heard, Told) else None

    @classmethod
    def is_type_of(cls, value: object, info: Any) -> bool:
        return isinstance(value, Told) and type(value.event) is cls.event


def told(model: type[StoredRow], by: str) -> Any:
    """The row of `model` whose id is in the event's field `by`."""

    def resolve(heard: strawberry.Parent[Any], info: Info) -> Any:
        return info.context.row(model, getattr(heard.event, by))

    return strawberry.field(resolve)


def feed_cursor(prefix: str, by: str = "id") -> Any:
    """The cursor from which to follow the feed `<prefix>:<attribute by>`: nothing after this answer is missed."""

    def resolve(row: strawberry.Parent[Any], info: Info) -> str:
        return changes.hub().cursor(info.context.heard, [f"{prefix}:{getattr(row, by)}"])

    words = "Subscribe with it as `after`: then nothing that happens after this answer is missed."
    return strawberry.field(resolve, description=words, metadata={"reads": (by,)})


async def heard(info: Info, events: AsyncGenerator[T, None], types: list[Any]) -> AsyncIterator[T]:
    """The events that the subscription has a type for; those who hear the same event share what is loaded for it."""
    async with aclosing(events):
        async for event in events:
            info.context.share(event.shared if isinstance(event, Told) else None)
            if any(kind.is_type_of(event, info) for kind in types):
                yield event
