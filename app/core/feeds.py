"""Feeds: what a subscriber hears of the change log, with the cursors to go on from."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.core import changes
from app.core.changes import Change, Event


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


@asynccontextmanager
async def follow(*feed: str, after: str | None) -> AsyncIterator[AsyncIterator[Told]]:
    """Everything after the cursor (None: after now), each once, in order, for ever; types unknown here are passed over.

    It hears from the moment the context is entered. Raises BadCursor or ResyncRequired.
    """
    hub = changes.hub()
    position = None if after is None else hub.read_cursor(after, feed)
    async with hub.follow(feed, position) as heard:
        yield (Told(change, change.event, feed) async for change in heard if change.event is not None)
