"""What an operation can read: the fields of its selection, and which columns of which model are behind them.

A Strawberry type says with the class attribute `model` whose rows it shows. Of these, a plain field reads the column of
its own name, and a field with a resolver the columns that its metadata names under `reads`; so does a property whose
getter has `reads`. One that says nothing gets the whole row: slower, never wrong. Directives and runtime types are not
looked at, so the answer may name more than is read, never less.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLCompositeType,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
    is_abstract_type,
)

from app.core.rows import Names


def columns(
    schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode
) -> Mapping[type, Names | None]:
    """The columns of each model that one operation of a valid document reads; None is all."""
    found: dict[type, set[str] | None] = {}
    for kind, name in fields(schema, document, operation):
        _note(found, kind, name)
    return {model: None if names is None else frozenset(names) for model, names in found.items()}


def fields(
    schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode
) -> Iterator[tuple[GraphQLObjectType, str]]:
    """The fields that one operation of a valid document can read, each of an object type; some come more than once."""
    root = schema.get_root_type(operation.operation)
    assert root is not None
    yield from _Walk(schema, document).selections(operation.selection_set, root)


class _Walk:
    def __init__(self, schema: GraphQLSchema, document: DocumentNode) -> None:
        self._schema = schema
        self._fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
        self._seen: set[tuple[int, str]] = set()

    def selections(
        self, node: SelectionSetNode, parent: GraphQLCompositeType
    ) -> Iterator[tuple[GraphQLObjectType, str]]:
        if (id(node), parent.name) in self._seen:
            return
        self._seen.add((id(node), parent.name))
        for selection in node.selections:
            if isinstance(selection, FieldNode):
                yield from self._field(selection, parent)
            else:
                spread = isinstance(selection, FragmentSpreadNode)
                fragment: Any = self._fragments[selection.name.value] if spread else selection  # type: ignore[attr-defined]
                condition = fragment.type_condition
                of: Any = self._schema.type_map[condition.name.value] if condition else parent
                yield from self.selections(fragment.selection_set, of)

    def _field(self, node: FieldNode, parent: GraphQLCompositeType) -> Iterator[tuple[GraphQLObjectType, str]]:
        name = node.name.value
        possible: Any = self._schema.get_possible_types(parent) if is_abstract_type(parent) else (parent,)
        for kind in possible:
            yield kind, name
        if node.selection_set and not name.startswith("__"):
            of: Any = get_named_type(parent.fields[name].type)  # type: ignore[union-attr]
            yield from self.selections(node.selection_set, of)


def _note(found: dict[type, set[str] | None], kind: GraphQLObjectType, name: str) -> None:
    definition = kind.extensions.get("strawberry-definition")
    model = getattr(definition.origin, "model", None) if definition else None
    if model is None:
        return
    names = found.setdefault(model, set())
    if names is None or name.startswith("__"):
        return
    reads = _reads(model, kind.fields[name].extensions["strawberry-definition"])
    if reads is None:
        found[model] = None
    else:
        names.update(reads)


def _reads(model: Any, field: Any) -> tuple[str, ...] | None:
    """The columns behind one field of a type that shows rows of `model`; None when they are not known."""
    if field.base_resolver is not None:
        reads: tuple[str, ...] | None = field.metadata.get("reads")
        return reads
    if field.python_name in model.columns():
        return (field.python_name,)
    return getattr(getattr(getattr(model, field.python_name, None), "fget", None), "reads", None)
