"""GraphQL documents made from the schema: any root field, with everything that its answer holds."""

from collections.abc import Container, Iterable, Mapping
from functools import cache
from typing import Any

from graphql import GraphQLField, GraphQLOutputType, GraphQLScalarType, get_named_type, is_abstract_type, is_leaf_type

from app.resolvers.roots import schema

graph = schema._schema
ROOTS = {"query": graph.query_type, "mutation": graph.mutation_type, "subscription": graph.subscription_type}
KINDS: dict[str, str] = {name: kind for kind, root in ROOTS.items() if root for name in root.fields}
"""The kind of operation of every root field."""


def field(name: str) -> GraphQLField:
    """A root field."""
    root = ROOTS[KINDS[name]]
    assert root
    found: GraphQLField = root.fields[name]
    return found


def scalars() -> set[str]:
    """The names of the schema's scalars."""
    return {name for name, type in graph.type_map.items() if isinstance(type, GraphQLScalarType)}


def audience(name: str) -> str:
    """Whom a root field is for."""
    declared: str = field(name).extensions["strawberry-definition"].metadata["audience"].name
    return declared


def operation(name: str, *given: Mapping[str, Any], directive: str = "", depth: int = 3) -> tuple[str, dict[str, Any]]:
    """A document that asks a root field once for each of `given` arguments, as a0, a1, ..., and its variables.

    The answer is selected whole, `depth` objects deep (a page is none): each type once on the way down, and three of
    every page below.
    """
    text = _text(name, tuple(tuple(arguments) for arguments in given), directive, depth)
    return text, {f"{key}{n}": value for n, arguments in enumerate(given) for key, value in arguments.items()}


@cache
def _text(name: str, given: tuple[tuple[str, ...], ...], directive: str, depth: int) -> str:
    asked = field(name)
    selection = _everything(asked.type, depth, ())
    declared = ", ".join(f"${key}{n}: {asked.args[key].type}" for n, keys in enumerate(given) for key in keys)
    fields = []
    for n, keys in enumerate(given):
        passed = ", ".join(f"{key}: ${key}{n}" for key in keys)
        fields.append(f"a{n}: {name}{f'({passed})' if passed else ''} {directive} {selection}")
    return f"{KINDS[name]}{f'({declared})' if declared else ''} {{ {' '.join(fields)} }}"


def _everything(type: GraphQLOutputType, depth: int, above: tuple[str, ...]) -> str:
    named: Any = get_named_type(type)
    if is_leaf_type(named):
        return ""
    if is_abstract_type(named):
        members, common = graph.get_possible_types(named), getattr(named, "fields", {})
        clashing = _clashing(members)
        shared = _fields(named, depth, above, clashing) if common else ()
        own = {m.name: " ".join(_fields(m, depth, (*above, m.name), clashing, common)) for m in members}
        parts = (f"... on {name} {{ {selected} }}" for name, selected in own.items() if selected)
        return f"{{ __typename {' '.join([*shared, *parts])} }}"
    return f"{{ __typename {' '.join(_fields(named, depth, (*above, named.name)))} }}"


def _fields(
    type: Any,
    depth: int,
    above: tuple[str, ...],
    clashing: frozenset[str] = frozenset(),
    common: Container[str] = (),
) -> Iterable[str]:
    """What is selected of a type, but for what it has in `common` with others: that is asked for above."""
    for name, inner in type.fields.items():
        if name in common:
            continue
        named = get_named_type(inner.type)
        alias = f"{name}_{type.name}: " if name in clashing else ""
        if is_leaf_type(named):
            yield alias + name
        elif named.name not in above and name != "node" and _depth(above) < depth:
            arguments = "(first: 3)" if "first" in inner.args else ""
            yield f"{alias}{name}{arguments} {_everything(inner.type, depth, above)}"


def _depth(above: tuple[str, ...]) -> int:
    return sum(not name.endswith("Connection") for name in above)


def _clashing(members: Iterable[Any]) -> frozenset[str]:
    """The names of fields that members of a union or interface give different types."""
    types: dict[str, set[str]] = {}
    for member in members:
        for name, inner in member.fields.items():
            types.setdefault(name, set()).add(str(inner.type))
    return frozenset(name for name, found in types.items() if len(found) > 1)
