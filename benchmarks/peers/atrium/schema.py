"""The schema, in the conventions of Atrium's own; node/schema.graphql says the same for the peers."""

import strawberry

from app.core.paging import Page, PageArgs
from app.schema.kit.attempts import dry_run
from app.schema.kit.audiences import anyone
from app.schema.kit.context import Info
from app.schema.kit.feeds import FeedEvent, Following, told
from app.schema.kit.fields import batched, connection, edge, mutation, query, subscription
from app.schema.kit.nodes import Node
from app.schema.kit.settling import settled
from benchmarks.peers import data
from benchmarks.peers.atrium import models, services


@strawberry.type
class CatalogueAuthor:
    id: strawberry.ID
    name: str


@strawberry.type
class CatalogueCourse:
    id: strawberry.ID
    title: str
    price: int
    rating: float
    author: CatalogueAuthor


def _in_memory() -> list[CatalogueCourse]:
    return [
        CatalogueCourse(**{**course, "author": CatalogueAuthor(**course["author"])})
        for course in data.catalogue(data.CATALOGUE)
    ]


CATALOGUE = _in_memory()


@strawberry.type
class Author(Node):
    model = models.Author

    name: str


@strawberry.type
class Lesson(Node):
    model = models.Lesson

    title: str
    author: Author | None = edge(models.Author, by="author_id")


@strawberry.type
class Course(Node):
    model = models.Course

    title: str
    price: int
    rating: float
    author: Author | None = edge(models.Author, by="author_id")
    lessons: list[Lesson] = batched(services.lessons, model=models.Lesson)


@strawberry.type
class Message(Node):
    model = models.Message

    text: str
    room: str
    sender: Author | None = edge(models.Author, by="sender_id")


@strawberry.type
class MessagePosted(FeedEvent):
    event = models.MessagePosted
    message: Message | None = told(models.Message, by="message")


@strawberry.type
class Query:
    @query(list[CatalogueCourse], anyone())
    async def catalogue(self, info: Info, first: int = 20) -> list[CatalogueCourse]:
        """Courses from memory."""
        return CATALOGUE[:first]

    @connection(Course, anyone())
    async def courses(self, info: Info, category: int, page: PageArgs) -> Page[models.Course]:
        """The courses of a category, newest first."""
        return await services.newest(info.context.actor, category, page)


@strawberry.type
class Mutation:
    @mutation(Message, anyone())
    async def post_message(self, info: Info, input: services.PostMessage) -> models.Message:
        """Say something in a room."""
        return await services.post(info.context.actor, input)


@strawberry.type
class Subscription:
    @subscription(MessagePosted, anyone())
    def message_posted(self, info: Info, room: str) -> Following:
        """What is posted in a room from now on."""
        return Following(info.context, services.room(room), None, [MessagePosted])


schema = strawberry.Schema(Query, Mutation, Subscription, directives=[dry_run, settled])
