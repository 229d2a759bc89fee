"""What may be kept of an operation's answers: the least that anything in it allows."""

from dataclasses import dataclass
from typing import Annotated, Any

import pytest
import strawberry
from graphql import OperationDefinitionNode, parse

from app.core.answers import Hint, Policy, Scope, Tag, anywhere, here, mine
from app.core.changes import Event
from app.execution.policies import policy
from app.schema.kit.audiences import anyone, member
from app.schema.kit.context import Info
from app.schema.kit.fields import computed, query


@dataclass(frozen=True, kw_only=True)
class ShelfMoved(Event):
    pass


@dataclass(frozen=True, kw_only=True)
class AuthorRenamed(Event):
    pass


ORGANIZATION, PRIVATE = Scope.ORGANIZATION, Scope.PRIVATE


@strawberry.type
class Note:
    text: str


@strawberry.type
class Author:
    cache = Hint(30, tags=anywhere(AuthorRenamed))
    name: str

    @computed(description="Who asks.", cache=Hint(scope=PRIVATE))
    def mine(row: strawberry.Parent[Any], info: Info) -> str:
        raise AssertionError


@strawberry.type
class Cover:
    colour: str


@strawberry.type
class Book:
    title: str
    author: Author
    cover: Cover

    @strawberry.field
    def shelf(self) -> str:
        return "A"

    @strawberry.field
    def editor(self, info: Info) -> Author | None:
        raise AssertionError

    @strawberry.field
    def note(self, info: Info) -> Note | None:
        raise AssertionError

    @strawberry.field
    def borrowed(self, info: Info) -> bool:
        raise AssertionError


Thing = Annotated[Book | Author, strawberry.union("Thing")]


@strawberry.type
class Query:
    @query(Book, member(), cache=Hint(60, tags=here(ShelfMoved)))
    def book(self, info: Info) -> Any:
        """A book."""

    @query(Author, anyone(), cache=Hint(90, tags=mine(AuthorRenamed)))
    def me(self, info: Info) -> Any:
        """An author, whose type's hint does not count."""

    @query(Thing, anyone(), cache=Hint(90))
    def thing(self, info: Info) -> Any:
        """A book or an author."""

    @query(Book, anyone())
    def secret(self, info: Info) -> Any:
        """A book of which nothing is kept."""

    @query(Author, anyone())
    def someone(self, info: Info) -> Any:
        """An author of whom nothing is kept, though the type has a hint."""

    @query(Book, anyone(), cache=Hint(scope=PRIVATE))
    def endless(self, info: Info) -> Any:
        """A book that does not say for how long."""


@strawberry.type
class Mutation:
    @strawberry.mutation
    def write(self) -> str:
        raise AssertionError


schema = strawberry.Schema(Query, Mutation)


def of(text: str) -> Policy | None:
    document = parse(text)
    operation = next(d for d in document.definitions if isinstance(d, OperationDefinitionNode))
    return policy(schema._schema, document, operation)


MOVED, RENAMED, MY = Tag(ShelfMoved, "o"), Tag(AuthorRenamed), Tag(AuthorRenamed, "u")


@pytest.mark.parametrize(
    ("text", "ttl", "scope", "tags"),
    [
        ("{book{title shelf __typename}}", 60, ORGANIZATION, {MOVED}),
        ("{book{cover{colour}}}", 60, ORGANIZATION, {MOVED}),
        ("{book{author{name}}}", 30, ORGANIZATION, {MOVED, RENAMED}),
        ("{book{editor{name}}}", 30, ORGANIZATION, {MOVED, RENAMED}),
        ("{book{author{mine}}}", 30, PRIVATE, {MOVED, RENAMED}),
        ("{me{name}}", 90, PRIVATE, {MY}),
        ("{thing{... on Book{title}}}", 90, Scope.PUBLIC, set()),
        ("{thing{... on Author{mine}}}", 90, PRIVATE, set()),
        ("{thing{... on Book{author{name}}}}", 30, Scope.PUBLIC, {RENAMED}),
        ("{me{name} book{title}}", 60, PRIVATE, {MY, MOVED}),
        ("{...A} fragment A on Query{book{...B}} fragment B on Book{author{name}}", 30, ORGANIZATION, {MOVED, RENAMED}),
        ("query($a: Boolean!){me{name} book @skip(if: $a){title}}", 60, PRIVATE, {MY, MOVED}),
    ],
)
def test_the_least_counts(text: str, ttl: int, scope: Scope, tags: set[Tag]) -> None:
    found = of(text)
    assert found is not None
    assert (found.ttl, found.scope, set(found.tags)) == (ttl, scope, tags)


@pytest.mark.parametrize(
    "text",
    [
        "{secret{title}}",
        "{me{name} secret{title}}",
        "{someone{name}}",
        "{endless{title}}",
        "{book{borrowed}}",
        "{book{note{text}}}",
        "{...A} fragment A on Query{book{title ...{borrowed}}}",
        "query($a: Boolean!){book{title borrowed @include(if: $a)}}",
        "{__typename}",
        "{book{title} __schema{types{name}}}",
        "mutation{write}",
    ],
)
def test_nothing_is_kept_where_anything_has_no_hint(text: str) -> None:
    assert of(text) is None


def test_the_audiences_of_all_root_fields_are_gates() -> None:
    found = of("{me{name} book{title}}")
    assert found is not None
    assert [gate.name for gate in found.gates] == ["anyone", "member"]  # type: ignore[attr-defined]


def test_operations_are_told_apart_by_document_and_name() -> None:
    document = parse("query A{me{name}} query B{me{name}}")
    first, second = [policy(schema._schema, document, one) for one in document.definitions]  # type: ignore[arg-type]
    again, other = of("query A{me{name}} query B{me{name}}"), of("query A{me{ name }} query B{me{name}}")
    assert first and second and again and other
    assert first.text == again.text
    assert len({first.text, second.text, other.text}) == 3


@pytest.mark.parametrize("ttl", [0, -1, 301])
def test_a_time_out_of_bounds_is_refused(ttl: int) -> None:
    with pytest.raises(ValueError, match="1 to 300 seconds"):
        Hint(ttl)
