"""What is stored, and what writes tell."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bson import ObjectId

from app.core.actor import Actor
from app.core.changes import Event
from app.models.base import StoredDocument, StoredRow, Where


class PublicRow(StoredRow):
    """A row that everybody may see, as the peers show theirs; so subscribers share what is told of it."""

    personal = False

    @classmethod
    def within(cls, actor: Actor, where: Where | None = None, **equal: Any) -> dict[str, Any]:
        return {**equal, **(where or {})}


class Author(PublicRow):
    collection = "authors"

    name: str
    email: str
    biography: str


class Course(PublicRow):
    collection = "courses"

    title: str
    slug: str
    description: str
    price: int
    rating: float
    published: bool
    created_at: datetime
    category: int
    author_id: ObjectId


class Lesson(PublicRow):
    collection = "lessons"

    course_id: ObjectId
    title: str
    text: str
    author_id: ObjectId


class Message(PublicRow):
    collection = "room_messages"

    room: str
    sender_id: ObjectId
    text: str
    sent_at: datetime


class MessageDocument(StoredDocument, Message):
    class Settings:
        name = Message.collection


@dataclass(frozen=True, kw_only=True)
class MessagePosted(Event):
    message: ObjectId
    room: str

    def feeds(self) -> Iterable[str]:
        return [f"room:{self.room}"]


DOCUMENTS: list[type[StoredDocument]] = [MessageDocument]
