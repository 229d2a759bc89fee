"""Who gets the same result of the same event, so that one execution of a subscription's selection serves them all.

A field with a resolver is taken to depend on who asks, unless its metadata has `personal: False`; a plain field shows
an attribute of an object that another field has found. The arguments of the subscription itself are not looked at:
what they mean is in the feed that it answers.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLSchema,
    Node,
    OperationDefinitionNode,
    VariableNode,
)

from app.execution.selection import fields


@dataclass(frozen=True, slots=True)
class Sharing:
    """`personal`: the result may depend on who asks; otherwise on their organization at most."""

    personal: bool
    variables: frozenset[str]
    """The variables that it depends on."""

    def values(self, given: Mapping[str, Any] | None) -> str:
        """The values of these variables, equal for equal results."""
        known = {name: value for name, value in (given or {}).items() if name in self.variables}
        return json.dumps(known, sort_keys=True)


def sharing(schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode) -> Sharing:
    """What the results of one operation of a valid document depend on, besides the event and the organization."""
    root = schema.get_root_type(operation.operation)
    read = fields(schema, document, operation)
    personal = any(_is_personal(kind.fields[name]) for kind, name in read if kind is not root and name in kind.fields)
    return Sharing(personal, frozenset(_results(document, operation)))


def _is_personal(field: Any) -> Any:
    definition = field.extensions.get("strawberry-definition")
    return definition is None or (definition.base_resolver is not None and definition.metadata.get("personal", True))


def _results(document: DocumentNode, operation: OperationDefinitionNode) -> Iterator[str]:
    """The variables in everything but the arguments of the operation's own fields."""
    for selection in operation.selection_set.selections:
        if isinstance(selection, FieldNode):
            for part in (selection.directives, selection.selection_set):
                yield from _variables(part)
        else:
            yield from _variables(selection)
    for definition in document.definitions:
        if isinstance(definition, FragmentDefinitionNode):
            yield from _variables(definition)


def _variables(part: Any) -> Iterator[str]:
    if isinstance(part, VariableNode):
        yield part.name.value
    elif isinstance(part, Node):
        for key in part.keys:
            yield from _variables(getattr(part, key))
    elif isinstance(part, list | tuple):
        for one in part:
            yield from _variables(one)
