"""Prices: what each thing costs, and that nothing costs more when it runs."""

from collections.abc import AsyncGenerator
from typing import Any, cast

import pytest
import strawberry
from graphql import (
    ExecutionResult,
    OperationDefinitionNode,
    experimental_execute_incrementally,
    parse,
    validate,
)
from hypothesis import given
from hypothesis import strategies as st
from strawberry.schema.config import StrawberryConfig

from app.core.paging import Edge, Page
from app.execution.prices import Price, price
from app.schema.kit.connections import Connection


@strawberry.type
class Author:
    name: str = "Ada"

    @strawberry.field
    def courses(self, first: int = 20) -> "Connection[Course]":
        return cast("Connection[Course]", page(first))


@strawberry.type
class Course:
    title: str = "Title"
    author: Author = strawberry.field(default_factory=Author)
    tags: list[str] = strawberry.field(default_factory=lambda: ["a", "b"])
    reviewers: list[Author] = strawberry.field(default_factory=lambda: [Author()] * 10)
    rating: float = strawberry.field(default=1.0, metadata={"cost": 7})

    @strawberry.field(metadata={"items": 3})  # type: ignore[untyped-decorator]
    def authors(self) -> list[Author]:
        return [Author()] * 3

    @strawberry.field
    def related(self, first: int | None = None) -> "list[Course]":
        return [Course()] * (100 if first is None else first)


def page(first: int) -> "Page[Course]":
    return Page([Edge(Course(), ("_id",)) for _ in range(first)], has_next_page=False, has_previous_page=False)


@strawberry.type
class Query:
    @strawberry.field
    def course(self) -> Course:
        return Course()

    @strawberry.field
    def courses(self, first: int = 20) -> Connection[Course]:
        return cast("Connection[Course]", page(first))

    @strawberry.field(metadata={"cost": 50})  # type: ignore[untyped-decorator]
    def search(self) -> Course:
        return Course()


@strawberry.type
class Mutation:
    @strawberry.mutation
    def publish(self) -> Course:
        return Course()

    @strawberry.mutation
    def remove(self) -> bool:
        return True


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def published(self) -> AsyncGenerator[Course, None]:
        yield Course()


schema = strawberry.Schema(
    Query, Mutation, Subscription, config=StrawberryConfig(enable_experimental_incremental_execution=True)
)._schema


def priced(text: str, most: int = 5_000) -> Price:
    document = parse(text)
    assert validate(schema, document) == []
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    return price(schema, document, operation, most)


def cost(text: str, **variables: Any) -> int:
    return priced(text).of(variables)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{__typename}", 0),
        ("{course{title tags}}", 1),
        ("{course{author{name}}}", 2),
        ("{course{rating}}", 8),
        ("{search{title}}", 50),
        ("{course{reviewers{name}}}", 1 + 10),
        ("{course{authors{name}}}", 1 + 3),
        ("{course{related(first: 4){author{name}}}}", 1 + 4 * (1 + 1)),
        ("{course{related{title}}}", 1 + 100),
        ("{courses{nodes{title}}}", 2 + 20),
        ("{courses(first: 5){nodes{author{name}}}}", 2 + 5 * 2),
        ("{courses(first: 5){edges{node{title}}}}", 2 + 5 * 2),
        ("{courses(first: 5){pageInfo{hasNextPage}}}", 2 + 1),
        ("{courses(first: 5){nodes{author{courses(first: 5){nodes{title}}}}}}", 2 + 5 * (1 + 1 + 2 + 5)),
        (
            "{courses(first: 5){...P}} fragment P on CourseConnection{nodes{...C}} fragment C on Course{author{name}}",
            12,
        ),
        ("{courses(first: -5){nodes{title}}}", 2),
        ("{a: course{title} b: course{title}}", 2),
        ("{course{...@defer{title} ...T @defer}} fragment T on Course{author{name}}", 1 + 10 + 10 + 1),
        ("{courses(first: 5){nodes{...@defer{author{name}}}}}", 2 + 5 * (1 + 10 + 1)),
        ("{courses(first: 5){nodes@stream{title}}}", 2 + 5 * (1 + 3)),
        ("{course{tags@stream}}", 1 + 10 * 3),
        ("{__schema{types{name}}}", 0),
        ("mutation{publish{author{name}}}", 10 + 1),
        ("mutation{remove}", 10),
        ("subscription{published{title}}", 10),
    ],
)
def test_each_thing_has_its_price(text: str, expected: int) -> None:
    assert cost(text) == expected


def test_a_variable_sizes_a_page_when_it_is_known() -> None:
    text = "query($n: Int! = 3, $m: Int = 2){courses(first: $n){nodes{author{courses(first: $m){nodes{title}}}}}}"
    assert cost(text, n=5, m=4) == 2 + 5 * (1 + 1 + 2 + 4)
    assert cost(text, n=5, m=None) == cost(text, n=5, m=20), "null asks for the field's own default"
    assert cost(text, n=-5, m=4) == 2


def test_the_fixed_part_is_known_from_the_text() -> None:
    assert priced("query($n: Int!){course{title} courses(first: $n){nodes{title}}}").fixed == 1 + 2


def test_nobody_pays_for_what_may_not_run() -> None:
    asked = priced("query($n: Int!){courses(first: $n){nodes{title}}}", most=100).asked
    assert (asked({"n": 98}), asked({"n": 99}), asked({"n": 2**40}), asked({"n": "many"})) == (100, 0, 0, 2 + 20)


@st.composite
def queries(draw: st.DrawFn) -> str:
    """Valid queries over courses and authors, a few levels deep."""

    def course(depth: int) -> str:
        parts = ["title"]
        if depth < 3:
            small = st.integers(0, 3)
            choices = {
                "author": lambda: f"author{author(depth + 1)}",
                "reviewers": lambda: f"reviewers{author(depth + 1)}",
                "authors": lambda: f"authors{author(depth + 1)}",
                "related": lambda: f"related(first: {draw(small)}){course(depth + 1)}",
                "inline": lambda: f"... on Course{course(depth + 1)}",
                "skip": lambda: f"author @skip(if: true){author(depth + 1)}",
            }
            names = draw(st.lists(st.sampled_from(sorted(choices)), max_size=2, unique=True))
            for n, name in enumerate(names):
                alias = "" if name == "inline" else f"a{depth}_{n}: "
                parts.append(alias + choices[name]())
        return "{" + " ".join(parts) + "}"

    def author(depth: int) -> str:
        if depth >= 3 or draw(st.booleans()):
            return "{name}"
        before, after = draw(st.sampled_from([("nodes", ""), ("edges{node", "}"), ("pageInfo{hasNextPage} nodes", "")]))
        first = draw(st.integers(0, 3))
        return f"{{courses(first: {first}){{{before}{course(depth + 1)}{after}}}}}"

    return "{course" + course(0) + "}"


def objects(value: Any) -> int:
    """How many objects an answer holds."""
    if isinstance(value, dict):
        return 1 + sum(map(objects, value.values()))
    return sum(map(objects, value)) if isinstance(value, list) else 0


@given(queries())
def test_the_price_is_never_below_what_the_answer_holds(text: str) -> None:
    document = parse(text)
    if validate(schema, document):
        return  # two branches of one inline fragment may ask for different fields by one name
    result = experimental_execute_incrementally(schema, document)
    assert isinstance(result, ExecutionResult)
    assert result.errors is None
    assert cost(text) >= objects(result.data) - 1
