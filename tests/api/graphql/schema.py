"""A small schema for the tests of the door: something to page through, to wait for, to fail and to write."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, cast

import strawberry
from strawberry.schema.config import StrawberryConfig

from app.core.paging import Page
from app.schema.kit.connections import Connection
from app.schema.kit.context import Info
from tests.api.gated import Article

counts: Counter[str] = Counter()
"""How often a resolver began, ended or was cancelled."""

failures: dict[str, Callable[[], Awaitable[Any]]] = {}
"""What `fail(kind:)` does, by kind; tests add to it."""


@strawberry.type
class Lesson:
    title: str = "Lesson"


@strawberry.type
class Course:
    title: str = "Course"

    @strawberry.field
    def next(self) -> "Course":
        return Course()

    @strawberry.field
    def lessons(self, first: int = 20) -> Connection[Lesson]:
        return cast("Connection[Lesson]", Page([], has_next_page=False, has_previous_page=False))

    @strawberry.field
    def tags(self) -> list[str]:
        return ["new"]


@strawberry.input
class Filter:
    title: str | None = None
    any: list["Filter"] | None = None


JSON = strawberry.scalars.JSON


@strawberry.type
class Query:
    @strawberry.field
    def hello(self, name: str = "you") -> str:
        return f"Hello {name}"

    @strawberry.field
    def course(self) -> Course:
        return Course()

    @strawberry.field
    def article(self) -> Article:
        return Article()

    @strawberry.field
    def articles(self, first: int = 20) -> list[Article]:
        return [Article()] * first

    @strawberry.field
    def courses(self, first: int = 20, after: str | None = None, where: Filter | None = None) -> Connection[Course]:
        return cast("Connection[Course]", Page([], has_next_page=False, has_previous_page=False))

    @strawberry.field
    def tally(self, numbers: list[int]) -> int:
        return len(numbers)

    @strawberry.field
    def json(self, value: JSON) -> JSON:
        return value

    @strawberry.field
    def whoami(self, info: Info) -> str:
        return info.context.actor.name

    @strawberry.field
    def key(self, info: Info) -> str | None:
        return info.context.idempotency_key

    @strawberry.field
    async def wait(self, seconds: float) -> str:
        counts["wait begun"] += 1
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            counts["wait cancelled"] += 1
            raise
        return "done"

    @strawberry.field
    async def fail(self, kind: str, secret: str = "") -> str | None:
        result: str | None = await failures[kind]()
        return result


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def write(self, seconds: float = 0, text: str = "") -> str:
        counts["write begun"] += 1
        await asyncio.sleep(seconds)
        counts["write done"] += 1
        return text

    @strawberry.mutation
    async def publish(self, title: str, seconds: float = 0) -> Article:
        counts[f"{title} begun"] += 1
        await asyncio.sleep(seconds)
        counts[f"{title} done"] += 1
        return Article(title=title)

    @strawberry.mutation
    async def fail_late(self, seconds: float) -> str:
        await asyncio.sleep(seconds)
        raise RuntimeError("too late to tell")


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def count(self, to: int) -> AsyncGenerator[int, None]:
        for number in range(to):
            yield number

    @strawberry.subscription
    async def articles(self) -> AsyncGenerator[Article, None]:
        yield Article()


schema = strawberry.Schema(
    Query, Mutation, Subscription, config=StrawberryConfig(enable_experimental_incremental_execution=True)
)
