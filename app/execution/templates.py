"""An operation's executor, built once and copied for each execution."""

import math
from collections.abc import Callable, Mapping
from typing import Any, cast

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLBoolean,
    GraphQLError,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLSchema,
    GraphQLString,
    OperationDefinitionNode,
    get_nullable_type,
    is_non_null_type,
)
from graphql.execution.collect_fields import FragmentDetails
from graphql.execution.executor import CollectedErrors, Executor, default_field_resolver, default_type_resolver
from graphql.execution.get_variable_signature import GraphQLVariableSignature, get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource, get_variable_values
from graphql.pyutils import RefMap, Undefined
from strawberry.execution import optimized_is_awaitable

from app.execution.compiled import CompiledExecutor, Plans

MAX_ERRORS = 20
"""Errors of variables that one answer lists."""

_FILLED = (CollectedErrors, RefMap, dict, list, set)
_UNTOUCHED = {
    *("fragments", "fragment_definitions"),
    *("groups", "tasks", "streams", "_initial_execution_plans", "_deferred_execution_plans"),
}
"""What an execution leaves as it is that puts nothing off."""

_AS_IT_IS: dict[int, Callable[[Any], bool]] = {
    id(GraphQLString): lambda value: type(value) is str,
    id(GraphQLID): lambda value: type(value) is str,
    id(GraphQLInt): lambda value: type(value) is int and -2_147_483_648 <= value <= 2_147_483_647,
    id(GraphQLFloat): lambda value: type(value) is float and math.isfinite(value),
    id(GraphQLBoolean): lambda value: type(value) is bool,
}
"""By type, whether a value is one that coercion leaves alone."""


class Template:
    """Begins executions of one valid operation by executors of a kind: compiled ones if there are `plans` for it."""

    __slots__ = ("_definition", "_hide_suggestions", "_kind", "_own", "_schema", "_state", "_variables")

    def __init__(
        self,
        schema: GraphQLSchema,
        document: DocumentNode,
        definition: OperationDefinitionNode,
        plans: Plans | None,
        kind: type[Executor[Any]] = CompiledExecutor,
        *,
        hide_suggestions: bool,
        incremental: bool = True,
    ) -> None:
        """Executions of an operation that is not `incremental` have less to begin with."""
        self._schema, self._definition, self._hide_suggestions = schema, definition, hide_suggestions
        fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
        executor = kind(
            schema,
            fragments,
            {name: FragmentDetails(fragment, None) for name, fragment in fragments.items()},
            None,
            None,
            definition,
            VariableValues({}, {}),
            default_field_resolver,
            default_type_resolver,
            default_field_resolver,
            is_awaitable=cast("Any", optimized_is_awaitable),
            hide_suggestions=hide_suggestions,
        )
        executor.plans = plans  # type: ignore[attr-defined]
        self._kind, self._state = kind, vars(executor)
        shared = {"fragments", "fragment_definitions"} if incremental else _UNTOUCHED
        own = {name: type(value) for name, value in self._state.items() if type(value) in _FILLED}
        self._own = {name: made for name, made in own.items() if name not in shared}
        """What an execution fills, and has to have for itself."""
        signatures = [get_variable_signature(schema, node) for node in definition.variable_definitions or ()]
        self._variables = [_Variable(cast("GraphQLVariableSignature", signature)) for signature in signatures]

    def begin(self, variables: Mapping[str, Any] | None, context: Any) -> Executor[Any] | list[GraphQLError]:
        """An executor for one execution, or what is wrong with the variables."""
        values = self._values(variables or {})
        if isinstance(values, list):
            return values
        executor = object.__new__(self._kind)
        state = executor.__dict__
        state.update(self._state)
        state["variable_values"], state["context_value"] = values, context
        for name, made in self._own.items():
            state[name] = made()
        return executor

    def _values(self, given: Mapping[str, Any]) -> VariableValues | list[GraphQLError]:
        if not self._variables:
            return _NONE
        sources: dict[str, VariableValueSource] = {}
        coerced: dict[str, Any] = {}
        for variable in self._variables:
            value = given.get(variable.name, Undefined)
            if variable.leaves(value):
                sources[variable.name], coerced[variable.name] = VariableValueSource(variable.signature, value), value
            elif value is Undefined and variable.omissible:
                sources[variable.name] = VariableValueSource(variable.signature)
            else:
                return get_variable_values(
                    self._schema,
                    self._definition.variable_definitions or (),
                    dict(given),
                    max_errors=MAX_ERRORS,
                    hide_suggestions=self._hide_suggestions,
                )
        return VariableValues(sources, coerced)


_NONE = VariableValues({}, {})


class _Variable:
    __slots__ = ("leaves", "name", "omissible", "signature")

    def __init__(self, signature: GraphQLVariableSignature) -> None:
        self.signature, self.name = signature, signature.name
        self.leaves = _AS_IT_IS.get(id(get_nullable_type(signature.type)), lambda value: False)
        """Whether coercion leaves a value as it is."""
        self.omissible = signature.default is None and not is_non_null_type(signature.type)
        """Whether it may be missing, and then has no value."""
