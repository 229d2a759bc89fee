"""The engine: what it refuses, in which words, and what it keeps."""

from collections.abc import AsyncGenerator
from typing import Any

import pytest
import strawberry
from graphql import ExecutionResult, get_introspection_query

from app.core.actor import ANONYMOUS
from app.execution.engine import Engine, Source
from app.execution.limits import Limits
from app.execution.operations import Operation, OperationCache, Refused
from app.schema.kit.context import Context, Info


@strawberry.type
class Item:
    name: str = "item"


@strawberry.input
class Secret:
    password: str
    pin: int = 0


@strawberry.type
class Query:
    @strawberry.field
    def hello(self, name: str = "you") -> str:
        return f"Hello {name}"

    @strawberry.field
    def items(self, first: int = 20) -> list[Item]:
        return [Item()] * first

    @strawberry.field
    def open(self, secret: Secret) -> bool:
        return True

    @strawberry.field
    async def columns(self, info: Info) -> str:
        return str(dict(info.context.fields))


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def count(self, to: int) -> AsyncGenerator[int, None]:
        for number in range(to):
            yield number

    @strawberry.subscription
    async def breaks(self) -> AsyncGenerator[int, None]:
        yield 1
        raise RuntimeError("gone")

    @strawberry.subscription
    async def refuses(self, info: Info) -> AsyncGenerator[int, None]:
        raise PermissionError("not you")
        yield 1


schema = strawberry.Schema(Query, subscription=Subscription)


def engine(*, introspection: bool = False, suggestions: bool = False, **limits: int) -> Engine:
    return Engine(schema, Limits(**limits), introspection=introspection, suggestions=suggestions)


def context() -> Context:
    return Context(ANONYMOUS)


async def refusal(text: str, name: str | None = None, variables: Any = None, **options: Any) -> tuple[str, str]:
    """The code and the message that a request is refused with."""
    with pytest.raises(Refused) as refused:
        chosen = engine(**options)
        await chosen.execute(chosen.prepare(text, name), variables, context())
    error = refused.value.errors[0]
    assert error.extensions is not None
    return error.extensions["code"], error.message


async def test_a_query_runs_with_its_variables() -> None:
    chosen = engine()
    operation = chosen.prepare("query Greet($name: String!){hello(name: $name)}", None)
    result = await chosen.execute(operation, {"name": "Ada"}, context())
    assert result == ExecutionResult({"hello": "Hello Ada"}, None)
    assert (operation.kind, operation.name, operation.cost) == ("query", "Greet", 0)


async def test_async_resolvers_are_awaited_and_see_what_the_operation_reads() -> None:
    chosen = engine()
    result = await chosen.execute(chosen.prepare("{columns}", None), None, context())
    assert result.data == {"columns": "{}"}


@pytest.mark.parametrize(
    ("text", "name", "code"),
    [
        ("", None, "GRAPHQL_PARSE_FAILED"),
        ("{", None, "GRAPHQL_PARSE_FAILED"),
        ('{hello(name: "\\uD800")}', None, "GRAPHQL_PARSE_FAILED"),
        ("{" * 300 + "hello" + "}" * 300, None, "GRAPHQL_PARSE_FAILED"),
        ("{nothing}", None, "GRAPHQL_VALIDATION_FAILED"),
        ("mutation{hello}", None, "GRAPHQL_VALIDATION_FAILED"),
        ("{...F} fragment F on Query{...F}", None, "GRAPHQL_VALIDATION_FAILED"),
        ("query A{hello} query B{hello}", None, "BAD_USER_INPUT"),
        ("query A{hello}", "B", "BAD_USER_INPUT"),
        ("query A{hello}", "", "BAD_USER_INPUT"),
        ("type T{a: Int}", None, "GRAPHQL_VALIDATION_FAILED"),
        ("# nothing", None, "GRAPHQL_PARSE_FAILED"),
        ("{items(first: 100000){name}}", None, "TOO_COMPLEX"),
        ("{" + "hello " * 2_000 + "}", None, "TOO_COMPLEX"),
        ("#\n" * 3_000 + "{hello}", None, "TOO_COMPLEX"),
    ],
)
async def test_what_cannot_run_is_refused_with_a_code(text: str, name: str | None, code: str) -> None:
    assert (await refusal(text, name))[0] == code


async def test_the_operation_is_chosen_by_name() -> None:
    chosen, text = engine(), "query A{hello} query B{items(first: 1){name}}"
    assert (await chosen.execute(chosen.prepare(text, "B"), None, context())).data == {"items": [{"name": "item"}]}
    assert (await chosen.execute(chosen.prepare(text, "A"), None, context())).data == {"hello": "Hello you"}


async def test_a_page_size_in_a_variable_is_priced_when_it_is_known() -> None:
    text = "query($n: Int!){items(first: $n){name}}"
    assert await refusal(text, variables={"n": 100_000}) == (
        "TOO_COMPLEX",
        "This operation asks for too much: its cost is 100000, and 5000 is the most allowed.",
    )
    chosen = engine()
    assert (await chosen.execute(chosen.prepare(text, None), {"n": 1}, context())).errors is None


async def test_introspection_is_closed_unless_it_is_opened() -> None:
    for text in (
        "{__schema{types{name}}}",
        '{__type(name: "Query"){name}}',
        "{...F} fragment F on Query{__schema{types{name}}}",
    ):
        assert await refusal(text) == ("INTROSPECTION_DISABLED", "Introspection is closed here.")
    closed, opened = engine(), engine(introspection=True)
    assert (await closed.execute(closed.prepare("{__typename}", None), None, context())).data == {"__typename": "Query"}
    standard = opened.prepare(get_introspection_query(input_value_deprecation=True, directive_is_repeatable=True), None)
    assert (await opened.execute(standard, None, context())).errors is None


async def test_circular_introspection_is_refused_where_introspection_is_open() -> None:
    text = "{__schema{types{fields{type{fields{type{fields{type{name}}}}}}}}}"
    assert (await refusal(text, introspection=True))[0] == "GRAPHQL_VALIDATION_FAILED"


async def test_suggestions_are_given_only_where_they_are_allowed() -> None:
    assert "Did you mean" in (await refusal("{helo}", suggestions=True))[1]
    assert "Did you mean" not in (await refusal("{helo}"))[1]
    text, wrong = "query($s: Secret!){open(secret: $s)}", {"s": {"password": "x", "pim": 1}}
    assert "Did you mean" not in (await refusal(text, variables=wrong))[1]


async def test_errors_are_capped() -> None:
    with pytest.raises(Refused) as refused:
        engine().prepare("{" + " ".join(f"x{n}" for n in range(400)) + "}", None)
    assert len(refused.value.errors) == 21


@pytest.mark.parametrize("variables", [[], "text", 1, True])
async def test_variables_must_be_an_object(variables: Any) -> None:
    assert await refusal("{hello}", variables=variables) == (
        "BAD_USER_INPUT",
        "The variables must be an object of values by name.",
    )


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({}, "Variable '$s' has invalid value: Expected a value of non-null type 'Secret!' to be provided."),
        ({"s": None}, "Variable '$s' has invalid value: Expected value of non-null type 'Secret!' not to be None."),
        ({"s": "hunter2"}, "Variable '$s' has invalid value: Expected value of type 'Secret' to be an object."),
        (
            {"s": {"password": 2222}},
            "Variable '$s' has invalid value at .password: String cannot represent a non string value.",
        ),
        (
            {"s": {"password": "hunter2", "pin": "hunter2"}},
            "Variable '$s' has invalid value at .pin: Int cannot represent non-integer value.",
        ),
        (
            {"s": {"pin": 1}},
            "Variable '$s' has invalid value: Expected value of type 'Secret' to include required field 'password'.",
        ),
        (
            {"s": {"password": "hunter2", "pim": "hunter2"}},
            "Variable '$s' has invalid value: Expected value of type 'Secret' not to include unknown field 'pim'.",
        ),
    ],
)
async def test_the_error_of_a_variable_does_not_repeat_its_value(variables: dict[str, Any], message: str) -> None:
    assert await refusal("query($s: Secret!){open(secret: $s)}", variables=variables) == ("BAD_USER_INPUT", message)


async def test_a_subscription_yields_its_results() -> None:
    chosen = engine()
    source = await chosen.subscribe(chosen.prepare("subscription{count(to: 3)}", None), None, context())
    assert isinstance(source, Source)
    stream = source.results()
    assert [result.data async for result in stream] == [{"count": 0}, {"count": 1}, {"count": 2}]


async def test_a_subscription_that_breaks_says_so_and_ends() -> None:
    chosen = engine()
    source = await chosen.subscribe(chosen.prepare("subscription{breaks}", None), None, context())
    assert isinstance(source, Source)
    stream = source.results()
    first, last = [result async for result in stream]
    assert first.data == {"breaks": 1}
    assert last.errors is not None
    assert isinstance(last.errors[0].original_error, RuntimeError)


async def test_closing_a_subscription_closes_its_source() -> None:
    chosen = engine()
    source = await chosen.subscribe(chosen.prepare("subscription{count(to: 3)}", None), None, context())
    assert isinstance(source, Source)
    stream = source.results()
    assert (await anext(stream)).data == {"count": 0}
    await stream.aclose()
    with pytest.raises(StopAsyncIteration):
        await anext(stream)


def test_an_operation_is_prepared_once() -> None:
    chosen = engine()
    assert chosen.prepare("{hello}", None) is chosen.prepare("{hello}", None)
    assert chosen.prepare("query A{hello}", "A") is not chosen.prepare("query A{hello}", None)


def kept(text: str) -> Operation:
    return engine().prepare(text, None)


def test_the_cache_forgets_what_was_used_longest_ago() -> None:
    cache = OperationCache(entries=2)
    for text in ("{a: hello}", "{b: hello}"):
        cache.put(text, None, kept(text))
    assert cache.get("{a: hello}", None)
    cache.put("{c: hello}", None, kept("{c: hello}"))
    assert cache.get("{b: hello}", None) is None
    assert cache.get("{a: hello}", None)


def test_the_cache_is_bounded_by_the_length_of_the_texts() -> None:
    cache = OperationCache(characters=25)
    for text in ("{a: hello}", "{b: hello}", "{b: hello}", "{c: hello}"):
        cache.put(text, None, kept(text))
    assert len(cache) == 2
    assert cache.get("{a: hello}", None) is None
