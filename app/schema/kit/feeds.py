"""Events as a subscription brings them: each with the cursor from which to go on."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Any, ClassVar

import strawberry

from app.core import changes
from app.core.changes import Event
from app.core.feeds import Feed, Told
from app.models.base import StoredRow
from app.schema.kit.context import Context, Info
from app.schema.kit.fields import computed


@strawberry.interface(description="Something that happened.")
class FeedEvent:
    """A GraphQL type whose values are `Told` with this `event`."""

    event: ClassVar[type[Event]]

    at: datetime

    @computed(description="Give it as `after` to go on from here; null for what the log does not keep.", personal=False)
    def cursor(heard: strawberry.Parent[Any]) -> str | None:
        return heard.cursor if isinstance(heard, Told) else None

    @classmethod
    def is_type_of(cls, value: object, info: Any) -> bool:
        return isinstance(value, Told) and type(value.event) is cls.event


def told(model: type[StoredRow], by: str) -> Any:
    """The row of `model` whose id is in the event's field `by`."""

    def resolve(heard: strawberry.Parent[Any], info: Info) -> Any:
        return info.context.row(model, getattr(heard.event, by))

    return strawberry.field(resolve, metadata={"personal": model.personal})


def feed_cursor(prefix: str, by: str = "id") -> Any:
    """The cursor from which to follow the feed `<prefix>:<attribute by>`: nothing after this answer is missed."""

    def resolve(row: strawberry.Parent[Any], info: Info) -> str:
        return changes.hub().cursor(info.context.heard, [f"{prefix}:{getattr(row, by)}"])

    words = "Subscribe with it as `after`: then nothing that happens after this answer is missed."
    return strawberry.field(resolve, description=words, metadata={"reads": (by,)})


class Following:
    """What a subscription to a feed answers: its events for one reader, or all that it takes to read it for many."""

    __slots__ = ("_context", "_types", "after", "feed")

    def __init__(self, context: Context, feed: Feed, after: str | None, types: Sequence[Any]) -> None:
        """`types` are the GraphQL types that the subscription has for events; others are passed over."""
        self._context, self.feed, self.after, self._types = context, feed, after, types

    def shows(self, heard: object) -> bool:
        """Whether the subscription has a type for an event."""
        return any(kind.is_type_of(heard, None) for kind in self._types)

    def turn(self, context: Context, heard: object) -> None:
        """Turn a context to the next event, whose hearers share what is loaded on its account."""
        context.share(heard.shared if isinstance(heard, Told) else None)

    async def __aiter__(self) -> AsyncGenerator[Any, None]:
        async with aclosing(self.feed.follow(self._context.actor, self.after)) as events:
            async for heard in events:
                self.turn(self._context, heard)
                if self.shows(heard):
                    yield heard
