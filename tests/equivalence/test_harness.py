"""The comparison itself: it finds graphql-core equal to itself, and each executor that is wrong on purpose not."""

from collections.abc import Callable
from typing import Any

import pytest
from graphql import ExecutionResult, GraphQLError, parse
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from tests.equivalence import executors
from tests.equivalence.fuzz.campaign import Failure, run
from tests.equivalence.fuzz.comparison import ACTORS, Comparison, Difference
from tests.equivalence.fuzz.operations import Drawn
from tests.equivalence.fuzz.roots import schema


async def test_graphql_core_is_equal_to_itself() -> None:
    tally = await run(30, seed=2, other=executors.reference)
    assert tally.failures == []


def wrong(change: Callable[[ExecutionResult], None]) -> executors.Contestant:
    """graphql-core's executor, whose results are changed afterwards."""

    class Wrong(StrawberryGraphQLCoreExecutionContext):
        def build_response(self, data: Any) -> Any:
            result = super().build_response(data)
            if isinstance(result, ExecutionResult):
                change(result)
            return result

    return executors.built_by(Wrong)


def reordered(result: ExecutionResult) -> None:
    if result.data:
        result.data = dict(reversed(result.data.items()))


def renumbered(result: ExecutionResult) -> None:
    for key, value in (result.data or {}).items():
        if isinstance(value, dict):
            value.pop(next(iter(value), ""), None)
        else:
            result.data[key] = None  # type: ignore[index]


def without_an_error(result: ExecutionResult) -> None:
    if result.errors:
        result.errors.pop()


def with_another_message(result: ExecutionResult) -> None:
    if result.errors:
        first = result.errors[0]
        result.errors[0] = GraphQLError("Something else.", first.nodes, path=first.path)


def with_an_error_too_many(result: ExecutionResult) -> None:
    result.errors = [*(result.errors or []), GraphQLError("Made up.", path=["made", "up"])]


@pytest.mark.parametrize(
    "change", [reordered, renumbered, without_an_error, with_another_message, with_an_error_too_many]
)
async def test_a_wrong_executor_is_found_out(change: Callable[[ExecutionResult], None]) -> None:
    tally = await run(40, seed=3, other=wrong(change), failures=1)
    assert tally.failures


async def test_an_executor_that_raises_is_found_out() -> None:
    def broken(result: ExecutionResult) -> None:
        raise KeyError("broken")

    tally = await run(3, seed=3, other=wrong(broken), failures=1)
    assert [failure.kind for failure in tally.failures] == ["an execution raised KeyError"]


async def test_an_executor_that_runs_mutations_at_once_is_found_out() -> None:
    class AtOnce(StrawberryGraphQLCoreExecutionContext):
        def execute_operation(self, serially: bool | None = None) -> Any:
            return super().execute_operation(serially=False)

    document = parse("mutation {a: add(n: 1) {n} b: add(n: 2) {n}}")
    with pytest.raises(Difference, match="log differ"):
        await Comparison(schema(4), document, {}, ACTORS[0], executors.built_by(AtOnce)).run()


async def test_a_failure_is_shown_by_the_smallest_operation() -> None:
    text = "query($n: Int) {leaf(n: $n) {kind other {id ...F}} named {id}} fragment F on Leaf {flag n}"
    failure = Failure("data differ", schema(3), Drawn(text, {"n": 4}), ACTORS[0], wrong(reordered))
    smallest = await failure.shrunk()
    assert smallest.kind == "data differ"
    assert "flag" not in smallest.drawn.text
    assert "$n" not in smallest.drawn.text
    assert {"leaf", "named"} <= set(smallest.drawn.text.split()), "two fields show it"
