"""The executors that must be equal: the one place that knows how each is made."""

from collections.abc import Callable
from inspect import isawaitable
from typing import Any, cast

from graphql import DocumentNode, ExecutionResult, GraphQLError, GraphQLSchema, OperationDefinitionNode
from graphql.execution import Executor
from strawberry.execution import optimized_is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from app.execution.compiled import FIGURES, CompiledExecutor, Plans
from app.execution.templates import MAX_ERRORS, Template

Begin = Callable[[dict[str, Any], Any], Executor[Any] | list[GraphQLError]]
"""From variables and a context to an executor of one operation, or to what is wrong with the variables."""

Contestant = Callable[[GraphQLSchema, DocumentNode, OperationDefinitionNode], Begin]


def reference(schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode) -> Begin:
    """Strawberry's executor, which is graphql-core's."""
    return built_by(StrawberryGraphQLCoreExecutionContext)(schema, document, operation)


def compiled(schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode) -> Begin:
    """The executor of Atrium's engine, compiled from the first execution on."""
    return Template(schema, document, operation, Plans(after=0), hide_suggestions=False).begin


def built_by(executor: type[Executor[Any]]) -> Contestant:
    """A contestant that makes its executors as graphql-core does."""

    def prepare(schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode) -> Begin:
        def begin(variables: dict[str, Any], context: Any) -> Executor[Any] | list[GraphQLError]:
            return executor.build(
                schema,
                document,
                context_value=context,
                raw_variable_values=variables,
                max_coercion_errors=MAX_ERRORS,
                is_awaitable=cast("Any", optimized_is_awaitable),
            )

        return begin

    return prepare


async def execute(executor: Executor[Any]) -> ExecutionResult:
    result: Any = executor.execute_operation()
    return cast("ExecutionResult", await result if isawaitable(result) else result)


class CompiledAtOnce(CompiledExecutor):
    """The compiled executor for those who build executors themselves: each compiles what it executes."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.plans = Plans(after=0)


BUILDABLE: dict[str, type[Executor[Any]]] = {
    "reference": StrawberryGraphQLCoreExecutionContext,
    "compiled": CompiledAtOnce,
}


def executions() -> tuple[int, int]:
    """How many operations were executed by compiled code so far, and how many were not."""
    return FIGURES.compiled, FIGURES.interpreted.total()


def deoptimised() -> int:
    """How many values compiled code has handed back to graphql-core so far."""
    return FIGURES.deoptimised.total()
