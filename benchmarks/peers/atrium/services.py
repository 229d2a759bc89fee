"""The rules, of which there are few."""

from collections.abc import Iterable
from typing import Annotated

from bson import ObjectId
from pydantic import Field

from app.core import changes
from app.core.actor import Actor
from app.core.clock import now
from app.core.commands import Command
from app.core.feeds import Feed
from app.core.paging import OLDEST, Page, PageArgs
from app.core.rows import Names
from benchmarks.peers import data
from benchmarks.peers.atrium.models import Course, Lesson, Message, MessageDocument, MessagePosted

SENDER_ID = data.author_id(data.SENDER)


class PostMessage(Command):
    """What to say, and where."""

    room: Annotated[str, Field(min_length=1, max_length=64)]
    text: Annotated[str, Field(min_length=1, max_length=5_000)]


async def newest(actor: Actor, category: int, page: PageArgs) -> Page[Course]:
    """The courses of a category, newest first."""
    return await Course.page(actor, page, {"category": category})


async def lessons(actor: Actor, course_ids: Iterable[ObjectId], fields: Names | None) -> dict[ObjectId, list[Lesson]]:
    """The lessons of each course, in their order."""
    names = None if fields is None else fields | {"course_id"}
    found: dict[ObjectId, list[Lesson]] = {id: [] for id in course_ids}
    for lesson in await Lesson.select(actor, {"course_id": {"$in": list(found)}}, fields=names, order=OLDEST):
        found[lesson.course_id].append(lesson)
    return found


async def post(actor: Actor, new: PostMessage) -> Message:
    """Store a message; who follows the room hears of it."""
    message = MessageDocument(room=new.room, sender_id=SENDER_ID, text=new.text, sent_at=now())
    return await changes.insert(message, MessagePosted(actor, message=message.id, room=new.room))


def room(name: str) -> Feed:
    """What is posted in a room."""
    return Feed((f"room:{name}",))
