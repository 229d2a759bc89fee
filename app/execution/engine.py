"""The engine: from the text of a request to results, for every transport."""

import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from inspect import isawaitable
from typing import Any, cast

import strawberry
from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    ValidationRule,
    located_error,
    parse,
    specified_rules,
    validate,
)
from graphql.execution import Executor, create_source_event_stream, map_source_to_response_event
from graphql.type import assert_valid_schema
from graphql.validation import recommended_rules
from strawberry.execution import optimized_is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from app.execution.limits import Limits, excesses, introspects, too_complex
from app.execution.operations import Kind, Operation, OperationCache, Refused
from app.execution.prices import price
from app.execution.selection import columns

PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
BAD_USER_INPUT = "BAD_USER_INPUT"
INTROSPECTION_DISABLED = "INTROSPECTION_DISABLED"

MAX_ERRORS = 20
_TOO_LONG = re.compile(r"Document contains more than \d+ (tokens|comments)\.")
_RULES = (*specified_rules, *recommended_rules)
_VALUELESS = re.compile(
    r"Expected .*?(?=, but encountered|[,;.]? [Ff]ound: |$)|\w+ cannot represent [^:'\"]+", re.DOTALL
)


class Engine:
    """A schema with its limits, and the operations it has seen.

    `introspection` says whether clients may ask for the schema, `suggestions` whether errors may say "Did you mean";
    `rules` are those of the schema itself, besides GraphQL's.
    """

    def __init__(
        self,
        schema: strawberry.Schema,
        limits: Limits,
        *,
        introspection: bool,
        suggestions: bool,
        rules: Sequence[type[ValidationRule]] = (),
    ) -> None:
        self._schema = schema._schema
        assert_valid_schema(self._schema)
        self._limits, self._introspection, self._hide_suggestions = limits, introspection, not suggestions
        self._rules = (*_RULES, *rules)
        self._operations = OperationCache()

    def prepare(self, query: str, operation_name: str | None) -> Operation:
        """The operation to run. Raises Refused for one that is malformed, invalid, unknown or beyond the limits."""
        operation = self._operations.get(query, operation_name)
        if operation is None:
            operation = self._admit(self._parse(query), operation_name)
            self._operations.put(query, operation_name, operation)
        return operation

    async def execute(self, operation: Operation, variables: Mapping[str, Any] | None, context: Any) -> ExecutionResult:
        """Run a query or a mutation; errors of fields are in the result. Raises Refused if the variables do not fit."""
        result = self._executor(operation, variables, context).execute_operation()
        return cast("ExecutionResult", await result if isawaitable(result) else result)

    async def subscribe(
        self, operation: Operation, variables: Mapping[str, Any] | None, context: Any
    ) -> AsyncGenerator[ExecutionResult, None] | ExecutionResult:
        """Open a subscription: its results, or the one result that says why there is none.

        An error of the source ends the results with one that carries it. Raises Refused if the variables do not fit.
        """
        executor = self._executor(operation, variables, context)
        source = create_source_event_stream(executor)
        if isawaitable(source):
            source = await source
        return source if isinstance(source, ExecutionResult) else _results(executor, source)

    def _parse(self, query: str) -> DocumentNode:
        most = self._limits.tokens
        try:
            return parse(query, max_lexical_tokens=most, max_comments=most)
        except GraphQLSyntaxError as error:
            if excess := _TOO_LONG.search(error.message):
                raise Refused([too_complex(f"number of {excess[1]}", most, most + 1)]) from None
            raise Refused([_coded(error, PARSE_FAILED)]) from None

    def _admit(self, document: DocumentNode, operation_name: str | None) -> Operation:
        if errors := excesses(document, self._limits):
            raise Refused(errors)
        if not self._introspection and introspects(document):
            raise Refused([_refusal("Introspection is closed here.", INTROSPECTION_DISABLED)])
        errors = validate(self._schema, document, self._rules, MAX_ERRORS, self._hide_suggestions)
        if errors:
            raise Refused([_coded(error, VALIDATION_FAILED) for error in errors])
        definition = _choose(document, operation_name)
        cost = price(self._schema, document, definition)
        if cost.fixed > self._limits.cost:
            raise Refused([too_complex("cost", self._limits.cost, cost.fixed, definition)])
        kind: Kind = definition.operation.value
        name = definition.name.value if definition.name else None
        return Operation(document, definition, kind, name, cost, columns(self._schema, document, definition))

    def _executor(self, operation: Operation, variables: Mapping[str, Any] | None, context: Any) -> Executor[Any]:
        if variables is not None and not isinstance(variables, dict):
            raise Refused([_refusal("The variables must be an object of values by name.", BAD_USER_INPUT)])
        context.fields = operation.fields
        executor = StrawberryGraphQLCoreExecutionContext.build(
            self._schema,
            operation.document,
            context_value=context,
            raw_variable_values=variables,
            operation_name=operation.name,
            max_coercion_errors=MAX_ERRORS,
            is_awaitable=cast("Any", optimized_is_awaitable),
            hide_suggestions=self._hide_suggestions,
        )
        if isinstance(executor, list):
            raise Refused([_without_value(error) for error in executor])
        if operation.price.variable:
            cost = operation.price.of(executor.variable_values.coerced)
            if cost > self._limits.cost:
                raise Refused([too_complex("cost", self._limits.cost, cost, operation.definition)])
        return executor


async def _results(executor: Executor[Any], source: Any) -> AsyncGenerator[ExecutionResult, None]:
    async with aclosing(map_source_to_response_event(executor, source)) as results:
        try:
            async for result in results:
                yield result
        except Exception as error:
            yield ExecutionResult(None, [located_error(error, [executor.operation])])


def _choose(document: DocumentNode, name: str | None) -> OperationDefinitionNode:
    operations = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
    if name is None:
        if len(operations) == 1:
            return operations[0]
        few = "several operations: say which by `operationName`" if operations else "no operation"
        raise Refused([_refusal(f"The document has {few}.", BAD_USER_INPUT)])
    for operation in operations:
        if operation.name and operation.name.value == name:
            return operation
    raise Refused([_refusal("The document has no operation of that name.", BAD_USER_INPUT)])


def _refusal(message: str, code: str) -> GraphQLError:
    return GraphQLError(message, extensions={"code": code})


def _coded(error: GraphQLError, code: str) -> GraphQLError:
    """The error with a code, and without the exception behind it, whose words are not meant for callers."""
    cause = error.original_error
    foreign = cause is not None and not isinstance(cause, GraphQLError)
    message = _valueless(error.message) if foreign else error.message
    return GraphQLError(message, error.nodes, error.source, error.positions, extensions={"code": code})


def _without_value(error: GraphQLError) -> GraphQLError:
    """The error of a variable without its value, which may be a secret."""
    message, cause = error.message, error.original_error
    if isinstance(cause, GraphQLError):
        message = message.removesuffix(cause.message) + _valueless(cause.message)
    return GraphQLError(message, error.nodes, extensions={"code": BAD_USER_INPUT})


def _valueless(message: str) -> str:
    safe = _VALUELESS.match(message)
    return (safe[0].rstrip(" .") if safe else "The value does not fit its type") + "."
