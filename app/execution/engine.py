"""The engine: from the text of a request to results, for every transport."""

import re
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Mapping, Sequence
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
from graphql.execution import (
    Executor,
    ExperimentalIncrementalExecutionResults,
    create_source_event_stream,
    map_source_to_response_event,
)
from graphql.type import assert_valid_schema
from graphql.validation import recommended_rules

from app.core.settings import Execution
from app.execution.comparison import differences, report
from app.execution.compiled import COMPILE_AFTER, CompiledExecutor, Plans
from app.execution.incremental import StreamCounts, WholeExecutor, incremental
from app.execution.limits import Limits, excesses, introspects, too_complex
from app.execution.operations import Kind, Operation, OperationCache, Refused
from app.execution.policies import policy
from app.execution.prices import price
from app.execution.selection import columns
from app.execution.sharing import sharing
from app.execution.templates import MAX_ERRORS, Template

PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
BAD_USER_INPUT = "BAD_USER_INPUT"
INTROSPECTION_DISABLED = "INTROSPECTION_DISABLED"

IncrementalResults = ExperimentalIncrementalExecutionResults
"""A first result, and those that follow it."""

_TOO_LONG = re.compile(r"Document contains more than \d+ (tokens|comments)\.")
_RULES = (*specified_rules, *recommended_rules, StreamCounts)
_VALUELESS = re.compile(
    r"Expected .*?(?=, but encountered|[,;.]? [Ff]ound: |$)|\w+ cannot represent [^:'\"]+", re.DOTALL
)


COMPARISONS = 3
"""How often a query is run again before a difference between two executions is one."""


class Engine:
    """A schema with its limits, and the operations it has seen.

    `introspection` says whether clients may ask for the schema, `suggestions` whether errors may say "Did you mean";
    `rules` are those of the schema itself, besides GraphQL's. `execution` says who executes operations: compiled code,
    graphql-core (`stock`), or for queries both, to compare their results.
    """

    def __init__(
        self,
        schema: strawberry.Schema,
        limits: Limits,
        *,
        introspection: bool,
        suggestions: bool,
        rules: Sequence[type[ValidationRule]] = (),
        execution: Execution = "compiled",
    ) -> None:
        self._schema = schema._schema
        assert_valid_schema(self._schema)
        self._limits, self._introspection, self._hide_suggestions = limits, introspection, not suggestions
        self._rules = (*_RULES, *rules)
        self._compares = execution == "compare"
        self._compile_after = {"stock": None, "compiled": COMPILE_AFTER, "compare": 0}[execution]
        self._operations = OperationCache()

    def prepare(self, query: str, operation_name: str | None) -> Operation:
        """The operation to run. Raises Refused for one that is malformed, invalid, unknown or beyond the limits."""
        operation = self._operations.get(query, operation_name)
        if operation is None:
            operation = self._admit(self._parse(query), operation_name)
            self._operations.put(query, operation_name, operation)
        return operation

    async def execute(self, operation: Operation, variables: Mapping[str, Any] | None, context: Any) -> ExecutionResult:
        """Run a query or a mutation; errors of fields are in the result. Raises Refused if the variables do not fit.

        The answer is whole: `@defer` and `@stream` put nothing off.
        """
        if self._compares and operation.kind == "query":
            return await self._compared(operation, variables, context)
        return await _result(self._executor(operation, variables, context))

    async def execute_incrementally(
        self, operation: Operation, variables: Mapping[str, Any] | None, context: Any
    ) -> ExecutionResult | IncrementalResults:
        """Run a query or a mutation as `execute` does, but for what it puts off, which runs when it is iterated over.

        When nothing was put off after all, it is one result.
        """
        result = self._executor(operation, variables, context, whole=False).execute_operation()
        return await result if isawaitable(result) else result

    async def subscribe(
        self, operation: Operation, variables: Mapping[str, Any] | None, context: Any
    ) -> "Source | ExecutionResult":
        """Open a subscription, or answer the result that says why not. Raises Refused if the variables do not fit."""
        executor = self._executor(operation, variables, context)
        events = create_source_event_stream(executor)
        if isawaitable(events):
            events = await events
        return events if isinstance(events, ExecutionResult) else Source(events, executor)

    def responder(
        self, operation: Operation, variables: Mapping[str, Any] | None, context: Any
    ) -> Callable[[Any], Awaitable[ExecutionResult]]:
        """What executes a subscription's selection for one event, whoever brings it. Raises Refused as `subscribe`."""
        executor = self._executor(operation, variables, context)

        async def respond(event: Any) -> ExecutionResult:
            result = executor.build_per_event_executor(event).execute_operation(False)
            return cast("ExecutionResult", await result if isawaitable(result) else result)

        return respond

    async def _compared(
        self, operation: Operation, variables: Mapping[str, Any] | None, context: Any
    ) -> ExecutionResult:
        """Run a query compiled and by graphql-core, each in a context of its own, and tell of a difference.

        It may be that the data have changed between the two: only one that stays is told.
        """
        for _ in range(COMPARISONS):
            ours = self._executor(operation, variables, context)
            reference = self._executor(operation, variables, context.afresh())
            reference.plans = None  # type: ignore[attr-defined]
            result = await _result(ours)
            places = differences(result, await _result(reference))
            if not places:
                return result
            context = context.afresh()
        report(operation.name, places)
        return result

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
        cost = price(self._schema, document, definition, self._limits.cost)
        if cost.fixed > self._limits.cost:
            raise Refused([too_complex("cost", self._limits.cost, cost.fixed, definition)])
        kind: Kind = definition.operation.value
        name = definition.name.value if definition.name else None
        read = columns(self._schema, document, definition)
        kept = policy(self._schema, document, definition)
        shared = sharing(self._schema, document, definition) if kind == "subscription" else None
        put_off = incremental(document, definition)
        whole = self._template(document, definition, WholeExecutor) if put_off else None
        template = self._template(document, definition, incremental=put_off is not None)
        return Operation(document, definition, kind, name, cost, read, template, kept, shared, put_off, whole)

    def _template(
        self,
        document: DocumentNode,
        definition: OperationDefinitionNode,
        kind: type[Executor[Any]] = CompiledExecutor,
        *,
        incremental: bool = True,
    ) -> Template:
        plans = None if self._compile_after is None else Plans(self._compile_after)
        hidden = self._hide_suggestions
        return Template(
            self._schema, document, definition, plans, kind, hide_suggestions=hidden, incremental=incremental
        )

    def _executor(
        self, operation: Operation, variables: Mapping[str, Any] | None, context: Any, *, whole: bool = True
    ) -> Executor[Any]:
        if variables is not None and not isinstance(variables, dict):
            raise Refused([_refusal("The variables must be an object of values by name.", BAD_USER_INPUT)])
        context.fields = operation.fields
        template = operation.whole if whole and operation.whole else operation.template
        executor = template.begin(variables, context)
        if isinstance(executor, list):
            raise Refused([_without_value(error) for error in executor])
        if operation.incremental and (error := operation.incremental.misfit(executor.variable_values.coerced)):
            raise Refused([_coded(error, BAD_USER_INPUT)])
        if operation.price.variable:
            cost = operation.price.of(executor.variable_values.coerced)
            if cost > self._limits.cost:
                raise Refused([too_complex("cost", self._limits.cost, cost, operation.definition)])
        return executor


async def _result(executor: Executor[Any]) -> ExecutionResult:
    result = executor.execute_operation()
    return cast("ExecutionResult", await result if isawaitable(result) else result)


class Source:
    """A subscription that was opened: the events that its resolver brings, and what comes of them for one reader."""

    def __init__(self, events: AsyncIterable[Any], executor: Executor[Any]) -> None:
        self.events, self._executor = events, executor

    async def results(self) -> AsyncGenerator[ExecutionResult, None]:
        """A result for each event. An error of the source ends them with one that carries it."""
        async with aclosing(map_source_to_response_event(self._executor, self.events)) as results:
            try:
                async for result in results:
                    yield result
            except Exception as error:
                yield broken(error, self._executor.operation)


def broken(error: Exception, definition: OperationDefinitionNode) -> ExecutionResult:
    """The last result of a subscription whose source has failed."""
    return ExecutionResult(None, [located_error(error, [definition])])


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
