"""Compiled execution: what it asks for, how nulls rise, what it leaves to graphql-core and how that is seen.

That its answers are graphql-core's is shown elsewhere, by comparison over many thousands of operations.
"""

import asyncio
import gc
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import strawberry
from graphql import ExecutionResult
from structlog.testing import capture_logs

from app.core.actor import ANONYMOUS
from app.core.settings import Execution
from app.execution.compiled import COMPILE_AFTER, FIGURES
from app.execution.engine import Engine
from app.execution.limits import Limits
from app.schema.kit.context import Context


@dataclass(frozen=True)
class Doubles:
    """A batch that finds twice each key, and nothing for 3."""

    by: str = "number"
    then: Callable[..., Any] | None = None
    error: Exception | None = None

    @property
    def source(self) -> object:
        return "doubles", self.error

    def load(self, context: Any, keys: Collection[int]) -> Awaitable[Mapping[int, int]]:
        asked.append(set(keys))
        return self._found(keys)

    async def _found(self, keys: Collection[int]) -> Mapping[int, int]:
        await asyncio.sleep(0)
        if self.error:
            raise self.error
        return {key: 2 * key for key in keys if key != 3}


asked: list[set[int]] = []
ended: list[str] = []


def by_batch() -> int:
    raise AssertionError("compiled code asks the batch")


@strawberry.type
class Item:
    number: int | None
    doubled: int | None = strawberry.field(resolver=by_batch, metadata={"batch": Doubles()})
    surely: int = strawberry.field(resolver=by_batch, metadata={"batch": Doubles()})
    broken: int | None = strawberry.field(resolver=by_batch, metadata={"batch": Doubles(error=RuntimeError("broken"))})

    @strawberry.field(  # type: ignore[untyped-decorator]
        metadata={"batch": Doubles(then=lambda found, by=1: None if found is None else found * by)}
    )
    def times(self, by: int = 1) -> int | None:
        raise AssertionError("compiled code asks the batch")

    @strawberry.field
    async def late(self) -> str:
        await asyncio.sleep(0)
        return f"late {self.number}"

    @strawberry.field
    async def refused(self) -> str:
        raise PermissionError("not this one")

    @strawberry.field
    async def never(self) -> str:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("never")
        raise AssertionError

    @strawberry.field
    def missing(self) -> int:
        """Nothing, known at once."""
        there: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        there.set_result(None)
        return there  # type: ignore[return-value]

    @strawberry.field
    def promised(self) -> int:
        """A value that somebody else was to find, and could not."""
        loop = asyncio.get_running_loop()
        promise: asyncio.Future[int] = loop.create_future()
        loop.call_soon(promise.set_exception, LookupError("broken promise"))
        return promise  # type: ignore[return-value]

    @strawberry.field
    def drawn(self) -> "list[Item]":
        """A list that compiled code leaves to graphql-core."""
        return (Item(number=number) for number in (1, 2))  # type: ignore[return-value]


@strawberry.type
class Query:
    @strawberry.field
    def items(self, first: int = 2) -> list[Item | None]:
        return [Item(number=number) for number in range(1, first + 1)]

    @strawberry.field
    def sure(self) -> list[Item]:
        return [Item(number=1), Item(number=3)]

    @strawberry.field
    def unnumbered(self) -> Item:
        return Item(number=None)

    @strawberry.field
    def wrong(self) -> int | None:
        return "seven"  # type: ignore[return-value]


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def note(self, word: str) -> str | None:
        await asyncio.sleep(0)
        ended.append(word)
        if word == "bad":
            raise ValueError(word)
        return word

    @strawberry.mutation
    async def must(self) -> str:
        raise ValueError("must")


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def numbers(self) -> AsyncGenerator[Item, None]:
        for number in (1, 2):
            yield Item(number=number)


schema = strawberry.Schema(Query, Mutation, Subscription)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Operations are compiled when they come first."""
    monkeypatch.setattr("app.execution.engine.COMPILE_AFTER", 0)
    asked.clear()
    ended.clear()


def engine(execution: Execution = "compiled") -> Engine:
    return Engine(schema, Limits(), introspection=True, suggestions=False, execution=execution)


async def execute(text: str, variables: Mapping[str, Any] | None = None, **options: Any) -> ExecutionResult:
    chosen = engine(**options)
    return await chosen.execute(chosen.prepare(text, None), variables, Context(ANONYMOUS))


def errors(result: ExecutionResult) -> list[tuple[str, list[str | int] | None]]:
    return [(error.message, error.path) for error in result.errors or []]


async def test_a_level_of_objects_asks_its_batch_once_and_other_fields_of_the_same_source_with_it() -> None:
    result = await execute("{items(first: 4){number doubled surely_: doubled}}")
    assert [item["doubled"] for item in (result.data or {})["items"]] == [2, 4, None, 8]
    assert asked == [{1, 2, 3, 4}]


async def test_an_object_without_a_key_asks_nobody() -> None:
    assert (await execute("{unnumbered{doubled}}")).data == {"unnumbered": {"doubled": None}}
    assert asked == []


async def test_arguments_reach_what_makes_the_value_of_a_batch() -> None:
    text = "query($by: Int = 5){items(first: 1){times a: times(by: 3) b: times(by: $by)}}"
    assert (await execute(text)).data == {"items": [{"times": 2, "a": 6, "b": 10}]}
    assert (await execute(text, {"by": 2})).data == {"items": [{"times": 2, "a": 6, "b": 4}]}


async def test_a_batch_that_fails_fails_in_each_place() -> None:
    result = await execute("{items{broken}}")
    assert result.data == {"items": [{"broken": None}, {"broken": None}]}
    assert errors(result) == [("broken", ["items", 0, "broken"]), ("broken", ["items", 1, "broken"])]


async def test_null_rises_to_the_nearest_place_that_may_be_null() -> None:
    result = await execute("{items(first: 3){surely late}}")
    assert (result.data or {})["items"] == [
        {"surely": 2, "late": "late 1"},
        {"surely": 4, "late": "late 2"},
        None,
    ]
    assert errors(result) == [("Cannot return null for non-nullable field Item.surely.", ["items", 2, "surely"])]


async def test_null_rises_to_the_root_and_what_was_still_awaited_is_cancelled() -> None:
    result = await asyncio.wait_for(execute("{sure{refused never}}"), 5)
    assert result.data is None
    assert errors(result)[0] == ("not this one", ["sure", 0, "refused"])
    await asyncio.sleep(0)
    assert ended == ["never", "never"]


async def test_what_graphql_core_completes_below_a_null_comes_to_its_end() -> None:
    unheard: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, told: unheard.append(told["message"]))
    result = await execute("{sure{missing drawn{promised}}}")
    assert (result.data, len(result.errors or [])) == (None, 1)
    await asyncio.sleep(0.01)
    gc.collect()
    assert unheard == []


async def test_the_end_of_an_execution_ends_its_tasks() -> None:
    task = asyncio.create_task(execute("{items{never late}}"))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == ["never", "never"]


async def test_mutations_run_one_after_the_other_also_after_one_that_failed() -> None:
    result = await execute('mutation{a: note(word: "a") b: note(word: "bad") c: note(word: "c")}')
    assert result.data == {"a": "a", "b": None, "c": "c"}
    assert ended == ["a", "bad", "c"]


async def test_no_mutation_follows_one_that_left_no_answer() -> None:
    result = await execute('mutation{a: note(word: "a") must c: note(word: "c")}')
    assert result.data is None
    assert ended == ["a"]


async def test_a_mutation_without_fields_does_nothing() -> None:
    assert (await execute('mutation{note(word: "a") @skip(if: true)}')).data == {}


async def test_a_subscription_s_events_are_executed_by_compiled_code() -> None:
    chosen, before = engine(), FIGURES.compiled
    source = await chosen.subscribe(chosen.prepare("subscription{numbers{doubled}}", None), None, Context(ANONYMOUS))
    assert not isinstance(source, ExecutionResult)
    assert [result.data async for result in source.results()] == [
        {"numbers": {"doubled": 2}},
        {"numbers": {"doubled": 4}},
    ]
    assert FIGURES.compiled == before + 2


async def test_what_is_selected_follows_the_variables() -> None:
    text = "query($no: Boolean!){unnumbered{number @skip(if: $no) doubled}}"
    assert (await execute(text, {"no": True})).data == {"unnumbered": {"doubled": None}}
    assert (await execute(text, {"no": False})).data == {"unnumbered": {"number": None, "doubled": None}}


async def test_more_variants_than_are_kept_are_executed_by_graphql_core() -> None:
    chosen, context = engine(), Context(ANONYMOUS)
    names = "abcde"
    fields = " ".join(f"{name}: __typename @include(if: ${name})" for name in names)
    operation = chosen.prepare(f"query({' '.join(f'${name}: Boolean!' for name in names)}){{{fields}}}", None)
    before, plans = FIGURES.interpreted["variants"], FIGURES.plans
    for number in range(32):
        values = {name: bool(number & 1 << place) for place, name in enumerate(names)}
        result = await chosen.execute(operation, values, context)
        assert result.data == {name: "Query" for name in names if values[name]}
    assert (FIGURES.interpreted["variants"] - before, FIGURES.plans - plans) == (16, 16)


async def test_a_value_of_another_kind_is_graphql_core_s_and_counted() -> None:
    before = FIGURES.deoptimised["Query.wrong"]
    result = await execute("{wrong}")
    assert errors(result) == [("Int cannot represent non-integer value: 'seven'", ["wrong"])]
    assert FIGURES.deoptimised["Query.wrong"] == before + 1


async def test_stock_execution_compiles_nothing() -> None:
    before = FIGURES.compiled
    assert (await execute("{unnumbered{number}}", execution="stock")).data == {"unnumbered": {"number": None}}
    assert FIGURES.compiled == before


async def test_an_operation_is_compiled_when_it_has_come_some_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.execution.engine.COMPILE_AFTER", COMPILE_AFTER)
    chosen, before = engine(), FIGURES.compiled
    for _ in range(COMPILE_AFTER + 1):
        await chosen.execute(chosen.prepare("{unnumbered{number}}", None), None, Context(ANONYMOUS))
    assert FIGURES.compiled == before + 1


async def test_a_comparison_tells_where_executions_differ() -> None:
    before = FIGURES.differences
    with capture_logs() as logs:
        result = await execute("query Twice{items(first: 1){doubled}}", execution="compare")
    assert result.data == {"items": [{"doubled": 2}]}  # which the field's own resolver does not answer
    assert FIGURES.differences == before + 1
    assert [(line["operation"], line["places"]) for line in logs] == [
        ("Twice", ["data.items.0.doubled", "errors.items.0.doubled"])
    ]


async def test_a_comparison_of_equal_executions_is_silent() -> None:
    before = FIGURES.differences
    assert (await execute("{items{late number}}", execution="compare")).errors is None
    assert FIGURES.differences == before
