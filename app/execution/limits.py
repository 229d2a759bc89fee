"""How much one document may ask for. Measured before validation, whose own rules are slow on hostile documents.

Every fragment is measured once, however often it is spread: sixty fragments that spread each other twice are 2^60
fields on paper and sixty steps here.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Self

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
)

from app.core.settings import Settings
from app.execution.incremental import put_off

TOO_COMPLEX = "TOO_COMPLEX"
INTROSPECTION_DEPTH = 20
"""Deep enough for the query every GraphQL tool sends; graphql-core's own rule stops circular ones."""

REPEATS = 50
"""How often one field may stand at one place of the response, before its copies are merged."""

DELAYS = 20
"""How often `@defer` and `@stream` may stand in an operation: what each puts off is collected once more, and all of it
starts at once."""

_INTROSPECTION = {"__schema", "__type"}
_SHOWN = 1_000_000_000
_INVALID = {"code": "GRAPHQL_VALIDATION_FAILED"}


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that one document may have of each."""

    tokens: int = 2_000
    depth: int = 12
    fields: int = 500
    aliases: int = 30
    directives: int = 50
    cost: int = 5_000

    @classmethod
    def of(cls, settings: Settings) -> Self:
        return cls(
            tokens=settings.graphql_max_tokens,
            depth=settings.graphql_max_depth,
            fields=settings.graphql_max_fields,
            aliases=settings.graphql_max_aliases,
            directives=settings.graphql_max_directives,
            cost=settings.graphql_max_cost,
        )


@dataclass(slots=True)
class Size:
    """What a piece of a document comes to, its fragments spread out; what is below `__schema` and `__type` is apart."""

    depth: int = 0
    introspection_depth: int = 0
    fields: int = 0
    aliases: int = 0
    directives: int = 0
    delays: int = 0

    def add(self, other: "Size") -> None:
        self.depth = max(self.depth, other.depth)
        self.introspection_depth = max(self.introspection_depth, other.introspection_depth)
        self.fields += other.fields
        self.aliases += other.aliases
        self.directives += other.directives
        self.delays += other.delays


class _Circular(Exception):
    def __init__(self, fragment: FragmentDefinitionNode) -> None:
        super().__init__(fragment)
        self.fragment = fragment


class _Measure:
    """Measures the operations of one document."""

    def __init__(self, document: DocumentNode) -> None:
        definitions = document.definitions
        self._fragments = {d.name.value: d for d in definitions if isinstance(d, FragmentDefinitionNode)}
        self._sizes: dict[str, Size] = {}
        self._open: set[str] = set()

    def operation(self, operation: OperationDefinitionNode) -> Size:
        """The size of an operation. Raises _Circular, and RecursionError beyond the interpreter's depth."""
        size = self._selections(operation.selection_set)
        size.directives += len(operation.directives or ())
        size.directives += sum(len(variable.directives or ()) for variable in operation.variable_definitions or ())
        return size

    def _selections(self, selections: SelectionSetNode) -> Size:
        size = Size()
        for node in selections.selections:
            size.add(self._selection(node))
        return size

    def _selection(self, node: SelectionNode) -> Size:
        if isinstance(node, FieldNode):
            size = self._field(node)
        elif isinstance(node, FragmentSpreadNode):
            size = self._fragment(node.name.value)
        else:
            size = self._selections(node.selection_set)  # type: ignore[attr-defined]
        size.directives += len(node.directives or ())
        size.delays += put_off(node)
        # An empty fragment counts as a field: so the number of fields bounds the work of every later walk.
        size.fields = size.fields or 1
        return size

    def _field(self, node: FieldNode) -> Size:
        size = self._selections(node.selection_set) if node.selection_set else Size()
        size.fields += 1
        size.aliases += node.alias is not None
        if node.name.value in _INTROSPECTION:
            size.depth, size.introspection_depth = 1, size.depth + 1
        else:
            size.depth += 1
        return size

    def _fragment(self, name: str) -> Size:
        fragment = self._fragments.get(name)
        if fragment is None:
            return Size()
        if name in self._open:
            raise _Circular(fragment)
        size = self._sizes.get(name)
        if size is None:
            self._open.add(name)
            size = self._selections(fragment.selection_set)
            size.directives += len(fragment.directives or ())
            self._open.discard(name)
            self._sizes[name] = size
        return replace(size)

    def repeats(self, selection_sets: Iterable[SelectionSetNode]) -> int:
        """How often the field that is repeated most stands at one place of the response.

        Validation compares each with each other one. Only for documents that keep within the other limits.
        """
        named: dict[str, list[FieldNode]] = {}
        for selections in selection_sets:
            self._gather(selections, named)
        most = max(map(len, named.values()), default=0)
        for fields in named.values():
            nested = [field.selection_set for field in fields if field.selection_set]
            if nested:
                most = max(most, self.repeats(nested))
        return most

    def _gather(self, selections: SelectionSetNode, named: dict[str, list[FieldNode]]) -> None:
        for node in selections.selections:
            if isinstance(node, FieldNode):
                named.setdefault((node.alias or node.name).value, []).append(node)
            elif not isinstance(node, FragmentSpreadNode):
                self._gather(node.selection_set, named)  # type: ignore[attr-defined]
            elif fragment := self._fragments.get(node.name.value):
                self._gather(fragment.selection_set, named)


def too_complex(limit: str, maximum: int, actual: int, *nodes: OperationDefinitionNode) -> GraphQLError:
    """The refusal of what exceeds one limit, saying which."""
    actual = min(actual, _SHOWN)
    return GraphQLError(
        f"This operation asks for too much: its {limit} is {actual}, and {maximum} is the most allowed.",
        list(nodes),
        extensions={"code": TOO_COMPLEX, "limit": limit, "maximum": maximum, "actual": actual},
    )


def excesses(document: DocumentNode, limits: Limits) -> list[GraphQLError]:
    """Why a document is too much to look at any closer: the limits its operations exceed, or a fragment without end."""
    measure = _Measure(document)
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            try:
                errors = _excesses(definition, measure, limits)
            except _Circular as circle:
                name = circle.fragment.name.value
                return [GraphQLError(f"The fragment {name} spreads itself.", circle.fragment, extensions=_INVALID)]
            except RecursionError:
                errors = [too_complex("depth", limits.depth, _SHOWN, definition)]
            if errors:
                return errors
    return []


def _excesses(operation: OperationDefinitionNode, measure: _Measure, limits: Limits) -> list[GraphQLError]:
    size = measure.operation(operation)
    measured = (
        ("depth", limits.depth, size.depth),
        ("introspection depth", INTROSPECTION_DEPTH, size.introspection_depth),
        ("number of fields", limits.fields, size.fields),
        ("number of aliases", limits.aliases, size.aliases),
        ("number of directives", limits.directives, size.directives),
        ("number of @defer and @stream", DELAYS, size.delays),
    )
    errors = [too_complex(limit, most, actual, operation) for limit, most, actual in measured if actual > most]
    if not errors and (actual := measure.repeats([operation.selection_set])) > REPEATS:
        errors = [too_complex("number of repeats of one field", REPEATS, actual, operation)]
    return errors


def introspects(document: DocumentNode) -> bool:
    """Whether any selection of the document names the introspection fields."""
    pending: list[SelectionSetNode] = [d.selection_set for d in document.definitions if hasattr(d, "selection_set")]
    while pending:
        for node in pending.pop().selections:
            if isinstance(node, FieldNode) and node.name.value in _INTROSPECTION:
                return True
            nested = getattr(node, "selection_set", None)
            if nested is not None:
                pending.append(nested)
    return False
