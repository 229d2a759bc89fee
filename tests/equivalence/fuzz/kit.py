"""Types made with Atrium's own kit over rows that are kept in a dictionary: edges, batches, pages, refusals."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping
from enum import Enum
from typing import Annotated, Any, ClassVar, Self, cast

import strawberry
from bson import ObjectId
from pydantic import BaseModel, Field

from app.core.actor import Actor
from app.core.errors import Conflict, Forbidden, Invalid, NotFound
from app.core.paging import OLDEST, Page, PageArgs, page
from app.core.rows import Names
from app.models.base import StoredRow, Where
from app.schema.kit.audiences import anyone, member, needs
from app.schema.kit.fields import batched, computed, connection, edge, mutation, pages, query, subscription
from app.schema.kit.nodes import Node, key
from tests.equivalence.fuzz.scene import Info


class Status(Enum):
    DRAFT = "draft"
    OPEN = "open"


strawberry.enum(Status)


class ShelfRow(StoredRow):
    """A row that is looked up in `STORED`."""

    @classmethod
    def within(cls, actor: Actor, where: Where | None = None, **equal: Any) -> dict[str, Any]:
        return {**equal, **(where or {})}

    @classmethod
    async def by_ids(cls, actor: Actor, ids: Iterable[object], fields: Names | None = None) -> dict[object, Self]:
        await asyncio.sleep(0)
        return {id: row for id in ids if (row := cls.at(id, fields)) is not None}

    @classmethod
    async def lookup(
        cls, actor: Actor, where: Where | None = None, *, fields: Names | None = None, **equal: Any
    ) -> Self | None:
        await asyncio.sleep(0)
        return cls.at(equal["_id"], fields)

    @classmethod
    def at(cls, id: object, fields: Names | None = None) -> Self | None:
        stored = STORED[cls.collection].get(id)
        return None if stored is None else cls.plan(fields)[1](stored)


class PersonRow(ShelfRow):
    collection = "people"
    name: str
    age: int | None


class CourseRow(ShelfRow):
    collection = "courses"
    title: str
    body: str
    status: Status
    teacher_id: ObjectId | None
    next_id: ObjectId
    marks: list[int]


def id_of(kind: int, n: int) -> ObjectId:
    return ObjectId(f"{kind:08x}{n:016x}")


PEOPLE, COURSES = 8, 24
FIRST = strawberry.ID(f"Course_{id_of(2, 1)}")
STORED: Mapping[str, Mapping[Any, dict[str, Any]]] = {
    "people": {
        id_of(1, n): {"_id": id_of(1, n), "name": f"Person {n}", "age": None if n % 3 else n} for n in range(PEOPLE)
    },
    "courses": {
        id_of(2, n): {
            "_id": id_of(2, n),
            "title": f"Course {n}" if n % 7 else 7,
            "body": "text" * (n % 4),
            "status": "open" if n % 2 else "draft",
            "teacher_id": None if n % 5 == 0 else id_of(1, n % (PEOPLE + 1)),
            "next_id": id_of(2, (n * 5 + 3) % (COURSES + 2)),
            "marks": [n, "bad", n + 1] if n % 6 == 0 else [n],
        }
        for n in range(COURSES)
    },
}


async def count_likes(actor: Actor, ids: Iterable[Any], fields: Names | None) -> Mapping[Any, Any]:
    await asyncio.sleep(0)
    return {id: int(str(id), 16) % 5 for id in ids if int(str(id), 16) % 3}


async def outage(actor: Actor, ids: Iterable[Any], fields: Names | None) -> Mapping[Any, Any]:
    raise ConnectionError("the database is away")


@strawberry.type
class Person(Node):
    model: ClassVar[type[StoredRow]] = PersonRow

    name: str
    age: int | None
    likes: int | None = batched(count_likes, description="Some have none.")
    likes_required: int = batched(count_likes)
    away: int | None = batched(outage)

    @pages("Course", CourseRow)
    def courses(person: strawberry.Parent[Any], info: Info, page: PageArgs) -> Any:
        """Some courses."""
        return shelf(page)


@strawberry.type
class Course(Node):
    model: ClassVar[type[StoredRow]] = CourseRow

    title: str
    status: Status
    marks: list[int | None]
    teacher: Person | None = edge(PersonRow, by="teacher_id")
    teacher_required: Person = edge(PersonRow, by="teacher_id")
    next: "Course | None" = edge(CourseRow, by="next_id")
    next_required: "Course" = edge(CourseRow, by="next_id")
    strange: Person | None = edge(PersonRow, by="no_such_column")

    @computed("title", "status", description="What its title and state come to.")
    def heading(course: strawberry.Parent[Any]) -> str:
        return f"{course.title} ({course.status.value})"

    @computed("title", description="Says too little of what it reads.")
    def length(course: strawberry.Parent[Any]) -> int | None:
        return len(course.body)

    @computed("title", description="Waits.")
    async def late_title(course: strawberry.Parent[Any], info: Info) -> str | None:
        await asyncio.sleep(0)
        return str(course.title)

    @computed("id", description="Everybody who teaches anything.", returns=list[Person])
    async def teachers(course: strawberry.Parent[Any], info: Info) -> Any:
        return await info.context.load_all(PersonRow, [id_of(1, n) for n in range(3)])


def shelf(asked: PageArgs) -> "Page[CourseRow]":
    names = None if asked.fields is None else asked.fields | {"_id"}
    after = OLDEST.after(asked.after)
    rows = [CourseRow.at(id, names) for id in STORED["courses"] if not after or id > after["_id"]["$gt"]]
    return page(cast("list[CourseRow]", rows[: asked.first + 1]), asked, OLDEST)


class NewCourse(BaseModel):
    """A course to be."""

    title: str = Field(min_length=2, max_length=20)
    marks: list[int] = []


@strawberry.type
class KitQuery:
    @connection(Course, anyone())
    async def courses(self, info: Info, page: PageArgs) -> Any:
        """Courses."""
        await asyncio.sleep(0)
        return shelf(page)

    @connection(Course, member())
    def shelf(self, info: Info, page: PageArgs) -> Any:
        """Courses, at once."""
        return shelf(page)

    @query(Course | None, anyone())
    async def course(self, info: Info, n: int = 1) -> Any:
        """One course."""
        return await CourseRow.lookup(info.context.actor, _id=id_of(2, n % 30), fields=info.context.fields[CourseRow])

    @query(Node | None, anyone())
    async def node(self, info: Info, id: strawberry.ID = FIRST) -> Any:
        """Anything with an id, whole."""
        return await CourseRow.lookup(info.context.actor, _id=key(id, Course))

    @query(list[Node], needs("see"))
    def nodes(self, info: Info) -> Any:
        """Courses and people."""
        return [CourseRow.at(id_of(2, 3)), PersonRow.at(id_of(1, 2)), CourseRow.at(id_of(2, 5))]


@strawberry.type
class KitMutation:
    @mutation(Course, member(), fails=(NotFound, Forbidden))
    async def add_course(self, info: Info, input: NewCourse) -> CourseRow:
        """A new course; some titles are refused."""
        info.context.log.append(f"course {input.title}")
        await asyncio.sleep(0)
        refusals = [
            Invalid("Too dull.", path=["input", "title"]),
            Conflict("There."),
            NotFound("No."),
            Forbidden("No!"),
        ]
        if len(input.title) % 5 < 4:
            raise refusals[len(input.title) % 5]
        return cast("CourseRow", CourseRow.at(id_of(2, len(input.marks))))

    @mutation(Person, needs("rename"))
    async def rename(self, info: Info, id: strawberry.ID, name: str = "Ada") -> PersonRow:
        """Somebody's name; fails."""
        info.context.log.append(f"rename {name}")
        if len(name) > 5:
            raise RuntimeError("too long")
        return cast("PersonRow", PersonRow.at(id_of(1, len(name))))


@strawberry.type
class KitSubscription:
    @subscription(Course, member())
    async def opened(self, info: Info, first: int = 2) -> AsyncGenerator[Any, None]:
        """Courses as they open."""
        for n in range(first % 4):
            await asyncio.sleep(0)
            info.context.share({} if n % 2 else None)
            yield CourseRow.at(id_of(2, n * 3 + 1))

    @subscription(Annotated[Course | Person, strawberry.union("Either")], anyone())
    async def either(self, info: Info) -> AsyncGenerator[Any, None]:
        """Courses and people."""
        for n in range(3):
            yield PersonRow.at(id_of(1, n)) if n % 2 else CourseRow.at(id_of(2, n))
        raise RuntimeError("the source broke")
