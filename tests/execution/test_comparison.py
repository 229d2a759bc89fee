"""When two answers to one query differ, and when GraphQL allows both."""

from typing import Any

from graphql import ExecutionResult, GraphQLError

from app.execution.comparison import differences


def _error(message: str, *path: str | int) -> GraphQLError:
    return GraphQLError(message, path=path)


def _answer(data: dict[str, Any], *errors: GraphQLError) -> ExecutionResult:
    return ExecutionResult(data, list(errors))


def test_equal_answers_do_not_differ_whatever_the_order_of_their_errors() -> None:
    data = {"a": None, "b": None}
    one, other = _error("One.", "a"), _error("Other.", "b")
    assert differences(_answer(data, one, other), _answer(data, other, one)) == []


def test_of_errors_below_one_null_either_may_be_told() -> None:
    data = {"page": [None]}
    one, other = _error("One.", "page", 0, "a"), _error("Other.", "page", 0, "b")
    assert differences(_answer(data, one), _answer(data, other)) == []
    assert differences(_answer(data, one, other), _answer(data, other)) == []


def test_errors_below_another_null_or_at_a_null_of_their_own_all_count() -> None:
    data = {"page": [None, None]}
    here, there = _error("One.", "page", 0, "a"), _error("Other.", "page", 1, "b")
    assert differences(_answer(data, here, there), _answer(data, here)) == ["errors.page.1.b"]
    own, other = _error("One.", "page", 0), _error("Other.", "page", 0)
    assert differences(_answer(data, own), _answer(data, other)) == ["errors.page.0", "errors.page.0"]


def test_values_and_the_order_of_fields_count() -> None:
    assert differences(_answer({"a": 1, "b": [1, 2]}), _answer({"b": [1, 3], "a": 1})) == ["data", "data.b.1"]
