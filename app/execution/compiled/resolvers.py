"""How compiled code gets the value of a field: an attribute, a direct call of the resolver, or graphql-core's way."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from graphql import ArgumentNode, GraphQLError, GraphQLNonNull, ListValueNode, ObjectValueNode
from graphql.execution.executor import default_field_resolver
from graphql.execution.values import VariableValues, coerce_argument
from graphql.language import ValueNode, VariableNode
from strawberry.relay.types import GlobalID
from strawberry.types.arguments import _is_leaf_type, _is_optional_leaf_type, convert_arguments
from strawberry.types.base import StrawberryOptional

from app.execution.compiled.code import Code
from app.execution.compiled.figures import FIGURES
from app.execution.compiled.positions import Position

_IMMUTABLE = (str, int, float, bool, type(None), Enum)
"""What one execution may share with the next."""


@dataclass(frozen=True, slots=True)
class Fetch:
    """The expression of a field's value, over `source`, `run`, `values` (of variables) and the path."""

    expression: str
    called: bool = True
    """Whether a resolver is called, so that the value is as likely awaitable as not."""
    values: bool = False
    """Whether it names `values`."""


class _Unfolded(Exception):
    """The arguments cannot be written down: they are coerced each time."""


def fetch(code: Code, position: Position, name: str, path: str) -> Fetch:
    """How to get the value of a position, which the code calls `name`, at the path that the expression `path` makes."""
    wrapped = position.wrapped
    if wrapped is None:
        return _as_graphql_core(code, position, name, path)
    field = wrapped.field
    if field.base_resolver is not None:
        return _direct(code, position, name, path)
    if field.default_resolver is getattr and field.python_name.isidentifier():
        return Fetch(f"source.{field.python_name}", called=False)
    default = code.constant(field.default_resolver, "default")
    return Fetch(f"{default}(source, {field.python_name!r})", called=False)


def _as_graphql_core(code: Code, position: Position, name: str, path: str) -> Fetch:
    FIGURES.opaque[position.name] += 1
    definition = position.definition
    resolve = code.constant(definition.resolve or default_field_resolver, "resolve")
    has_arguments = definition.args or position.nodes[0].arguments
    arguments = f", **run.argument_values({name})" if has_arguments else ""
    return Fetch(f"{resolve}(source, run.resolve_info({name}, {path}){arguments})")


def _direct(code: Code, position: Position, name: str, path: str) -> Fetch:
    wrapped = position.wrapped
    assert wrapped is not None
    resolver = wrapped.field.base_resolver
    assert resolver is not None
    call = code.constant(resolver.wrapped_func, "resolver")
    positional = ["source"] if resolver.self_parameter else []
    named = [f"{given.name}=source" for given in (resolver.parent_parameter, resolver.root_parameter) if given]
    if resolver.info_parameter:
        named.append(f"{resolver.info_parameter.name}=run.info({name}, {path})")
    return with_arguments(code, position, name, path, call, positional, named)


def with_arguments(
    code: Code, position: Position, name: str, path: str, call: str, before: Sequence[str], after: Sequence[str] = ()
) -> Fetch:
    """A call with the arguments of the field: written down where they can be, else coerced each time."""
    each_time = f"{call}({', '.join([*before, f'**run.arguments({name}, {path})', *after])})"
    try:
        folded, conditions = _folded(code, position)
    except _Unfolded:
        return Fetch(each_time)
    once = f"{call}({', '.join([*before, *folded, *after])})"
    if not conditions:
        return Fetch(once)
    return Fetch(f"({once} if {' and '.join(conditions)} else {each_time})", values=True)


def _folded(code: Code, position: Position) -> tuple[list[str], list[str]]:
    """The arguments as source code, and what must hold of the variables. Raises _Unfolded."""
    wrapped = position.wrapped
    assert wrapped is not None
    given = {node.name.value: node for node in position.nodes[0].arguments or ()}
    declared = wrapped.argument_names
    folded, conditions = [], []
    for name, definition in position.definition.args.items():
        argument, node = declared.get(name), given.get(name)
        if argument is None:
            raise _Unfolded
        if node is not None and isinstance(node.value, VariableNode):
            if not _is_leaf(argument.type, wrapped.converter.scalar_registry):
                raise _Unfolded
            variable = node.value.name.value
            conditions.append(f"{variable!r} in values")
            if isinstance(definition.type, GraphQLNonNull):
                conditions.append(f"values[{variable!r}] is not None")
            folded.append(f"{argument.python_name}=values[{variable!r}]")
        elif (value := _constant(position, name, node)) is not _ABSENT:
            folded.append(f"{argument.python_name}={code.constant(value, 'argument')}")
    return folded, conditions


_ABSENT = object()


def _constant(position: Position, name: str, node: ArgumentNode | None) -> Any:
    """The value that an argument has in every execution; `_ABSENT` without one. Raises _Unfolded."""
    wrapped = position.wrapped
    assert wrapped is not None
    if node is not None and _names_variable(node.value):
        raise _Unfolded
    coerced: dict[str, Any] = {}
    nothing = VariableValues({}, {})
    try:
        coerce_argument(coerced, position.nodes[0], name, position.definition.args[name], node, nothing, None, False)
        if not coerced:
            return _ABSENT
        [before] = coerced.values()
        converter, argument = wrapped.converter, wrapped.argument_names[name]
        [after] = convert_arguments(
            {name: before},
            [argument],
            converter.scalar_registry,
            converter.config,
            None,
        ).values()
    except (GraphQLError, ValueError, TypeError) as error:
        raise _Unfolded from error  # the execution will say what is wrong
    if not isinstance(before, _IMMUTABLE) or not isinstance(after, _IMMUTABLE):
        raise _Unfolded
    return after


def _names_variable(node: ValueNode) -> bool:
    if isinstance(node, ListValueNode):
        return any(map(_names_variable, node.values))
    if isinstance(node, ObjectValueNode):
        return any(_names_variable(field.value) for field in node.fields)
    return isinstance(node, VariableNode)


def _is_leaf(type: Any, registry: Any) -> bool:
    """Whether Strawberry passes values of the type on as graphql-core coerced them."""
    inner = type.of_type if isinstance(type, StrawberryOptional) else type
    if inner is GlobalID:
        return False
    return _is_leaf_type(type, registry) or _is_optional_leaf_type(type, registry)
