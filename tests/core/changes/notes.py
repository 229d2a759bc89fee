"""A small domain to write with: notes, the events that tell of them, and ways to read those back."""

import asyncio
from dataclasses import dataclass, field
from itertools import count
from typing import ClassVar

from bson import ObjectId

from app.core import changes
from app.core.actor import Actor
from app.core.changes import Change, Event, Hub, Subscription
from app.core.clock import new_id
from app.core.rows import Row

PATIENCE = 20
ORGANIZATION = ObjectId()
ACTOR = Actor(ORGANIZATION, ObjectId())
EVERYTHING = f"o:{ORGANIZATION}"

_marks = count()


@dataclass(kw_only=True)
class Note(Row):
    collection: ClassVar[str] = "notes"

    id: ObjectId = field(default_factory=new_id)
    key: str
    version: int = 0
    paid: int = 0


@dataclass(kw_only=True)
class Entry(Row):
    collection: ClassVar[str] = "entries"

    id: ObjectId = field(default_factory=new_id)
    text: str


@dataclass(frozen=True, kw_only=True)
class NoteEvent(Event):
    stream: str = ""

    def feeds(self) -> list[str]:
        return [self.stream] if self.stream else []


@dataclass(frozen=True, kw_only=True)
class NoteMade(NoteEvent):
    key: str = ""


@dataclass(frozen=True, kw_only=True)
class NoteMoved(NoteEvent):
    version: int = 0


@dataclass(frozen=True, kw_only=True)
class NotePaid(NoteEvent):
    amount: int = 1


@dataclass(frozen=True, kw_only=True)
class Marked(NoteEvent):
    number: int


async def make(key: str, stream: str = "") -> Note:
    return await changes.insert(Note(key=key), NoteMade(ACTOR, key=key, stream=stream))


async def take(subscription: Subscription, number: int) -> list[Change]:
    """The next so many changes."""
    async with asyncio.timeout(PATIENCE):
        return [await anext(subscription) for _ in range(number)]


async def mark(stream: str, number: int | None = None) -> int:
    """Tell something to recognise: what was told before comes before it."""
    number = next(_marks) if number is None else number
    await changes.insert(Entry(text=f"mark {number}"), Marked(ACTOR, number=number, stream=stream))
    return number


async def rest(subscription: Subscription, stream: str) -> list[Change]:
    """Everything that was told up to now and is not read yet."""
    number = await mark(stream)
    found: list[Change] = []
    async with asyncio.timeout(PATIENCE):
        async for change in subscription:
            if change.type == Marked.type() and change.data["number"] == number:
                return found
            found.append(change)
    raise AssertionError("the subscription ended")


async def told(hub: Hub, stream: str, after: int = 0) -> list[Change]:
    """The changes of a stream up to now, marks left out."""
    async with hub.follow([stream], after) as subscription:
        return [change for change in await rest(subscription, stream) if change.type != Marked.type()]
