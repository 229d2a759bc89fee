"""What `@defer` and `@stream` put off: told apart from the rest, refused where it makes no sense, run afterwards."""

from collections.abc import AsyncGenerator
from typing import Any

import pytest
import strawberry
from graphql import ExecutionResult
from strawberry.schema.config import StrawberryConfig

from app.core.actor import ANONYMOUS
from app.execution.engine import Engine
from app.execution.limits import Limits
from app.execution.operations import Refused
from app.schema.kit.context import Context

ran: list[str] = []
"""What was resolved, in order."""


@strawberry.type
class Item:
    number: int

    @strawberry.field
    async def slow(self) -> str:
        ran.append(f"slow {self.number}")
        return f"slow {self.number}"

    @strawberry.field
    def items(self, first: int = 3) -> list["Item"]:
        return [Item(number=number) for number in range(first)]


@strawberry.type
class Query:
    @strawberry.field
    def item(self) -> Item:
        ran.append("item")
        return Item(number=7)


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def write(self, number: int) -> Item:
        ran.append(f"write {number}")
        return Item(number=number)


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def items(self) -> AsyncGenerator[Item, None]:
        yield Item(number=1)


schema = strawberry.Schema(
    Query, Mutation, Subscription, config=StrawberryConfig(enable_experimental_incremental_execution=True)
)


def engine() -> Engine:
    return Engine(schema, Limits(), introspection=False, suggestions=False)


async def delivered(text: str, **variables: Any) -> list[Any]:
    """What an operation answers, its first result and each of those that follow, as graphql-core tells them."""
    chosen = engine()
    results = await chosen.execute_incrementally(chosen.prepare(text, None), variables, Context(ANONYMOUS))
    if isinstance(results, ExecutionResult):
        return [results.formatted]
    first, rest = results
    return [first.formatted, *[result.formatted async for result in rest]]


def refusal(text: str, **variables: Any) -> tuple[str, str]:
    """The code and the message with which an operation is refused."""
    with pytest.raises(Refused) as refused:
        chosen = engine()
        chosen._executor(chosen.prepare(text, None), variables, Context(ANONYMOUS))
    [error] = refused.value.errors
    assert error.extensions is not None
    return error.extensions["code"], error.message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{item{number}}", False),
        ("{item @include(if: true){number}}", False),
        ("{item{...@defer{number}}}", True),
        ("{item{...@defer(if: false){number}}}", True),
        ("{item{...F}} fragment F on Item{items@stream{number}}", True),
        ("{item{...F}} fragment F on Item{...G} fragment G on Item{items{...@defer{number}}}", True),
        ("{item{...F @defer}} fragment F on Item{number}", True),
        ("mutation{write(number: 1){...@defer{number}}}", True),
    ],
)
def test_an_operation_knows_whether_it_puts_anything_off(text: str, expected: bool) -> None:
    assert (engine().prepare(text, None).incremental is not None) is expected


def test_an_operation_is_told_apart_from_others_of_its_document() -> None:
    text = "query A{item{number}} query B{item{...@defer{number}}}"
    assert engine().prepare(text, "A").incremental is None
    assert engine().prepare(text, "B").incremental is not None


async def test_what_is_put_off_runs_after_the_answer() -> None:
    ran.clear()
    chosen = engine()
    operation = chosen.prepare('{item{number ...@defer(label: "later"){slow}}}', None)
    results = await chosen.execute_incrementally(operation, None, Context(ANONYMOUS))
    assert not isinstance(results, ExecutionResult)
    first, rest = results
    assert first.data == {"item": {"number": 7}}
    assert [part.formatted for part in first.pending] == [{"id": "0", "path": ["item"], "label": "later"}]
    assert ran == ["item"]
    [last] = [result async for result in rest]
    assert ran == ["item", "slow 7"]
    assert last.formatted == {
        "incremental": [{"id": "0", "data": {"slow": "slow 7"}}],
        "completed": [{"id": "0"}],
        "hasNext": False,
    }


async def test_a_list_comes_item_by_item_after_those_that_come_with_the_answer() -> None:
    first, *rest = await delivered("query($n: Int){item{items@stream(initialCount: $n){slow}}}", n=1)
    assert first["data"] == {"item": {"items": [{"slow": "slow 0"}]}}
    items = [item for part in rest for piece in part.get("incremental", ()) for item in piece["items"]]
    assert items == [{"slow": "slow 1"}, {"slow": "slow 2"}]
    assert rest[-1]["hasNext"] is False


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        ("{item{...@defer(if: false){number}}}", {}),
        ("query($if: Boolean!){item{...@defer(if: $if){number}}}", {"if": False}),
        ("{item{...@skip(if: true)@defer{slow} number}}", {}),
        ("query($if: Boolean!){item{number items(first: 0)@stream(if: $if){number}}}", {"if": False}),
    ],
)
async def test_when_nothing_is_put_off_after_all_there_is_one_result(text: str, variables: dict[str, Any]) -> None:
    [result] = await delivered(text, **variables)
    assert result["data"]["item"]["number"] == 7
    assert "hasNext" not in result


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        ("{item{number ...@defer{slow} ...@defer{slow items{number}}}}", {}),
        ("{item{number ...F @defer}} fragment F on Item{slow items{number}}", {}),
        ("{item{number slow items@stream{number}}}", {}),
        ("query($n: Int){item{number slow items@stream(initialCount: $n){number}}}", {"n": 1}),
    ],
)
async def test_a_whole_answer_puts_nothing_off(text: str, variables: dict[str, Any]) -> None:
    chosen = engine()
    result = await chosen.execute(chosen.prepare(text, None), variables, Context(ANONYMOUS))
    items = [{"number": number} for number in range(3)]
    assert result == ExecutionResult({"item": {"number": 7, "slow": "slow 7", "items": items}}, None)


async def test_the_fields_of_a_mutation_run_one_after_the_other_before_what_they_put_off() -> None:
    ran.clear()
    fields = " ".join(f"a{n}: write(number: {n}){{number ...@defer{{slow}}}}" for n in range(3))
    first, *_ = await delivered(f"mutation{{{fields}}}")
    assert first["data"] == {f"a{n}": {"number": n} for n in range(3)}
    assert ran[:3] == ["write 0", "write 1", "write 2"]
    assert sorted(ran[3:]) == ["slow 0", "slow 1", "slow 2"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("mutation{...@defer{write(number: 1){number}}}", "Defer directive cannot be used on root mutation"),
        ("subscription{...@defer{items{number}}}", "Defer directive cannot be used on root subscription"),
        ("subscription{items{...@defer{number}}}", "Defer directive not supported on subscription"),
        ("subscription{items{items@stream{number}}}", "Stream directive not supported on subscription"),
        ("{item{number@stream}}", "Stream directive cannot be used on non-list field"),
        ("query($l: String){item{...@defer(label: $l){number}}}", "must be a static string"),
        ('{item{...@defer(label: "a"){number} items@stream(label: "a"){number}}}', "must be unique"),
        ("{item{items@stream(initialCount: -1){number}}}", "@stream takes an initialCount of 0 or more."),
        ("{item{items@stream(initialCount: null){number}}}", "@stream takes an initialCount of 0 or more."),
    ],
)
def test_what_cannot_be_put_off_is_refused(text: str, says: str) -> None:
    with pytest.raises(Refused) as refused:
        engine().prepare(text, None)
    error = refused.value.errors[0]
    assert says in error.message
    assert error.extensions == {"code": "GRAPHQL_VALIDATION_FAILED"}


@pytest.mark.parametrize(
    ("declared", "variables"),
    [("$n: Int", {"n": -1}), ("$n: Int", {"n": None}), ("$n: Int = -1", {}), ("$n: Int! = -1", {})],
)
def test_a_variable_cannot_ask_for_fewer_than_no_items(declared: str, variables: dict[str, Any]) -> None:
    code, message = refusal(f"query({declared}){{item{{items@stream(initialCount: $n){{number}}}}}}", **variables)
    assert (code, message) == ("BAD_USER_INPUT", "@stream takes an initialCount of 0 or more.")


async def test_a_subscription_that_leaves_it_to_a_variable_puts_nothing_off() -> None:
    chosen = engine()
    text = "subscription($if: Boolean!){items{number ...@defer(if: $if){slow} items(first: 1)@stream(if: $if){number}}}"
    source = await chosen.subscribe(chosen.prepare(text, None), {"if": True}, Context(ANONYMOUS))
    assert not isinstance(source, ExecutionResult)
    item = {"number": 1, "slow": "slow 1", "items": [{"number": 0}]}
    assert [result async for result in source.results()] == [ExecutionResult({"items": item}, None)]


async def test_executions_of_one_operation_share_nothing() -> None:
    chosen = engine()
    operation = chosen.prepare("{item{...@defer{slow} items(first: 1)@stream{number}}}", None)
    executions = [await chosen.execute_incrementally(operation, None, Context(ANONYMOUS)) for _ in range(2)]
    for results in executions:
        assert not isinstance(results, ExecutionResult)
        assert [part.path for part in results.initial_result.pending] == [["item"], ["item", "items"]]
        rest = [result async for result in results.subsequent_results]
        assert sum(len(result.completed or ()) for result in rest) == 2
