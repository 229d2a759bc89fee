"""What may be kept of an operation's answers, from the hints in the metadata (`cache`) of the fields it asks for.

A root field without a hint lets nothing be kept. Below, a field without one is kept with what it stands in, unless its
resolver takes `info`: then it reads something else, or looks at who asks, and the type that it answers must have a hint
(the class attribute `cache`). A hint of a field counts instead of its type's. Directives are not looked at, so what a
policy says holds whatever the variables are.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLCompositeType,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    get_named_type,
    is_abstract_type,
)

from app.core.answers import Hint, Policy, Scope, Tag


class _Unkept(Exception):
    """Something is asked for that has no hint."""


def policy(schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode) -> Policy | None:
    """What may be kept of one operation of a valid document; None for nothing."""
    root = schema.query_type
    if operation.operation is not OperationType.QUERY or root is None or document.loc is None:
        return None
    walk = _Walk(schema, document)
    try:
        walk.selections(operation.selection_set, root)
    except _Unkept:
        return None
    hints = walk.hints
    ttls = [hint.ttl for hint in hints if hint.ttl is not None]
    tags = frozenset(tag for hint in hints for tag in hint.tags)
    if not ttls:
        return None
    scope = max(*(hint.scope for hint in hints), *map(_scope, tags), Scope.PUBLIC)
    name = operation.name.value if operation.name else ""
    text = document.loc.source.body.encode()
    digest = hashlib.blake2b(name.encode() + b"\0" + text, digest_size=20).digest()
    return Policy(min(ttls), scope, tags, tuple(walk.gates), digest, len(text))


def _scope(tag: Tag) -> Scope:
    return {"": Scope.PUBLIC, "o": Scope.ORGANIZATION, "u": Scope.PRIVATE}[tag.feed]


class _Walk:
    def __init__(self, schema: GraphQLSchema, document: DocumentNode) -> None:
        self._schema, self._root = schema, schema.query_type
        self._fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
        self._seen: set[tuple[int, str]] = set()
        self.hints: list[Hint] = []
        self.gates: list[Any] = []

    def selections(self, node: SelectionSetNode, parent: GraphQLCompositeType) -> None:
        if (id(node), parent.name) in self._seen:
            return
        self._seen.add((id(node), parent.name))
        for selection in node.selections:
            if isinstance(selection, FieldNode):
                self._field(selection, parent)
            else:
                spread = isinstance(selection, FragmentSpreadNode)
                fragment: Any = self._fragments[selection.name.value] if spread else selection  # type: ignore[attr-defined]
                condition = fragment.type_condition
                of: Any = self._schema.type_map[condition.name.value] if condition else parent
                self.selections(fragment.selection_set, of)

    def _field(self, node: FieldNode, parent: GraphQLCompositeType) -> None:
        name = node.name.value
        if name == "__typename":
            return
        if name.startswith("__"):
            raise _Unkept
        for kind in self._kinds(parent):
            self._read(kind.fields[name], kind)
        if node.selection_set:
            of: Any = get_named_type(parent.fields[name].type)  # type: ignore[union-attr]
            self.selections(node.selection_set, of)

    def _read(self, field: GraphQLField, parent: GraphQLObjectType) -> None:
        """Take in what one field lets be kept. Raises _Unkept."""
        definition: Any = field.extensions.get("strawberry-definition")
        own: Hint | None = definition.metadata.get("cache") if definition else None
        if parent is self._root:
            if own is None:
                raise _Unkept
            self.gates.append(definition.metadata["audience"])
        if own is not None:
            self.hints.append(own)
            return
        hints = [_hint(kind) for kind in self._kinds(get_named_type(field.type))]
        if _looks_around(definition) and (not hints or None in hints):
            raise _Unkept
        self.hints.extend(hint for hint in hints if hint)

    def _kinds(self, named: Any) -> Sequence[GraphQLObjectType]:
        """The types of objects that this one stands for; none for a scalar."""
        if is_abstract_type(named):
            return self._schema.get_possible_types(named)
        return (named,) if isinstance(named, GraphQLObjectType) else ()


def _hint(kind: GraphQLObjectType) -> Hint | None:
    """What a type says for all fields that answer it."""
    definition = kind.extensions.get("strawberry-definition")
    hint: Hint | None = getattr(definition.origin, "cache", None) if definition else None
    return hint


def _looks_around(definition: Any) -> bool:
    """Whether a field is not simply read from its row."""
    return definition is None or (
        definition.base_resolver is not None and definition.base_resolver.info_parameter is not None
    )
