"""Feeds: what can be followed of the change log, and by whom, with the cursors to go on from."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bson import ObjectId

from app.core import changes
from app.core.actor import Actor
from app.core.changes import Change, Event
from app.core.errors import NotFound
from app.core.streams import merged


@dataclass(frozen=True, slots=True)
class Told:
    """A change as a feed brings it. All its hearers in a process share what one of them loads on its account."""

    change: Change
    event: Event
    feed: tuple[str, ...]

    @property
    def cursor(self) -> str:
        """Where to go on from in this feed."""
        key = ("cursor", self.feed)
        if key not in self.change.cache:
            self.change.cache[key] = changes.hub().cursor(self.change.position, self.feed)
        found: str = self.change.cache[key]
        return found

    @property
    def at(self) -> datetime:
        return self.change.at

    @property
    def shared(self) -> dict[Any, Any]:
        return self.change.cache


@dataclass(frozen=True)
class Feed:
    """Some streams of the log, and perhaps what passes beside it, for those whom it admits.

    Equal feeds bring the same; nothing in one depends on who hears it, but for what `deaf_to` and `leaver` say.
    """

    streams: tuple[str, ...]

    async def admit(self, actor: Actor) -> None:
        """Raises NotFound unless the actor may hear it. Asked when they begin, and whenever it may have changed."""

    def tell(self, change: Change) -> Told | None:
        """A change as it is told here; None for one that is not, as are all whose type is not known."""
        return None if change.event is None else Told(change, change.event, self.streams)

    def passing(self) -> tuple[AsyncGenerator[Any, None], ...]:
        """What comes besides, and is kept nowhere."""
        return ()

    def deaf_to(self, heard: Any) -> ObjectId | None:
        """The person who is not told, because it is their own doing."""
        return None

    def leaver(self, heard: Any) -> ObjectId | None:
        """The person who hears no more after this, unless they are admitted again by now."""
        return None

    def is_deaf(self, actor: Actor, heard: Any) -> bool:
        return actor.user_id is not None and self.deaf_to(heard) == actor.user_id

    def leaves(self, actor: Actor, heard: Any) -> bool:
        return actor.user_id is not None and self.leaver(heard) == actor.user_id

    def position(self, after: str | None) -> int | None:
        """Where a cursor stands. Raises BadCursor or ResyncRequired."""
        return None if after is None else changes.hub().read_cursor(after, self.streams)

    async def admits(self, actor: Actor) -> bool:
        try:
            await self.admit(actor)
        except NotFound:
            return False
        return True

    async def follow(self, actor: Actor, after: str | None) -> AsyncGenerator[Any, None]:
        """Everything after the cursor (None: after now), each once, in order, until the actor is out of it.

        Raises NotFound for who is not admitted, BadCursor or ResyncRequired for a cursor one cannot go on from.
        """
        async with changes.hub().follow(self.streams, self.position(after)) as log:
            await self.admit(actor)  # who is taken out after this is heard of below
            async with aclosing(self.told(log)) as events:
                async for heard in events:
                    if self.is_deaf(actor, heard):
                        continue
                    yield heard
                    if self.leaves(actor, heard) and not await self.admits(actor):
                        return  # else they came back since, and hear on

    def told(self, log: AsyncIterator[Change]) -> AsyncGenerator[Any, None]:
        """What a subscription to the streams brings, with what passes beside it."""
        told, passing = self._told(log), self.passing()
        return merged(told, *passing) if passing else told

    async def _told(self, log: AsyncIterator[Change]) -> AsyncGenerator[Told, None]:
        async for change in log:
            told = self.tell(change)
            if told is not None:
                yield told
