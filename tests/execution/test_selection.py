"""Which columns an operation reads: never fewer than its resolvers touch."""

from typing import Any, ClassVar

import pytest
import strawberry
from graphql import OperationDefinitionNode, parse, validate

from app.core.rows import Names, Row
from app.execution.selection import columns


class PersonRow(Row):
    collection = "people"
    name: str
    email: str


def _heading(self: Any) -> str:
    return str(self.title).upper()


_heading.reads = ("title",)  # type: ignore[attr-defined]


class CourseRow(Row):
    collection = "courses"
    title: str
    body: str
    author_id: str
    heading = property(_heading)

    @property
    def excerpt(self) -> str:
        return self.body[:10]


def resolved(returns: Any, **metadata: Any) -> Any:
    return strawberry.field(lambda: None, graphql_type=returns, metadata=metadata)


@strawberry.interface
class Named:
    title: str


@strawberry.type
class Person(Named):
    model: ClassVar[type] = PersonRow
    title: str = resolved(str, reads=("name",))
    name: str
    email: str


@strawberry.type
class Course(Named):
    model: ClassVar[type] = CourseRow
    title: str
    body: str
    heading: str
    excerpt: str
    key: str = resolved(str, reads=())
    author: Person = resolved(Person, reads=("author_id",))
    untold: str = resolved(str)


@strawberry.type
class Page:
    nodes: list[Course]


@strawberry.type
class Query:
    course: Course
    page: Page
    named: Named


schema = strawberry.Schema(Query, types=[Course, Person])._schema


def read(text: str) -> dict[str, Names | None]:
    document = parse(text)
    assert validate(schema, document) == []
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    return {model.__name__: names for model, names in columns(schema, document, operation).items()}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{__typename}", {}),
        ("{course{__typename}}", {"CourseRow": set()}),
        ("{course{title body}}", {"CourseRow": {"title", "body"}}),
        ("{course{t: title}}", {"CourseRow": {"title"}}),
        ("{course{key}}", {"CourseRow": set()}),
        ("{page{nodes{title}}}", {"CourseRow": {"title"}}),
        ("{course{author{name}}}", {"CourseRow": {"author_id"}, "PersonRow": {"name"}}),
        ("{course{title} page{nodes{body}}}", {"CourseRow": {"title", "body"}}),
        ("{course{title @skip(if: true)}}", {"CourseRow": {"title"}}),
        ("{course{heading}}", {"CourseRow": {"title"}}),
        ("{course{title untold}}", {"CourseRow": None}),
        ("{course{title excerpt body}}", {"CourseRow": None}),
        ("{named{title}}", {"CourseRow": {"title"}, "PersonRow": {"name"}}),
        ("{named{... on Person{email}}}", {"PersonRow": {"email"}}),
        (
            "{course{...C}} fragment C on Course{...N body} fragment N on Course{title}",
            {"CourseRow": {"title", "body"}},
        ),
    ],
)
def test_the_columns_behind_a_selection(text: str, expected: dict[str, set[str] | None]) -> None:
    assert read(text) == expected
