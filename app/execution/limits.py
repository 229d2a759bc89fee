"""How much one document may ask for. Measured before validation, whose own rules are slow on hostile documents.

Every fragment is measured once, however often it is spread: sixty fragments that spread each other twice are 2^60
fields on paper and sixty steps here.
"""

from dataclasses import dataclass
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

TOO_COMPLEX = "TOO_COMPLEX"
INTROSPECTION_DEPTH = 20
"""Deep enough for the query every GraphQL tool sends; graphql-core's own rule stops circular ones."""

_INTROSPECTION = {"__schema", "__type"}
_SHOWN = 1_000_000_000


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

    def add(self, other: "Size") -> None:
        self.depth = max(self.depth, other.depth)
        self.introspection_depth = max(self.introspection_depth, other.introspection_depth)
        self.fields += other.fields
        self.aliases += other.aliases
        self.directives += other.directives


class Measure:
    """Measures the operations of one document."""

    def __init__(self, document: DocumentNode) -> None:
        definitions = document.definitions
        self._fragments = {d.name.value: d for d in definitions if isinstance(d, FragmentDefinitionNode)}
        self._sizes: dict[str, Size] = {}
        self._open: set[str] = set()

    def operation(self, operation: OperationDefinitionNode) -> Size:
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
        """The size of a fragment; one that is missing or spreads itself has none, and validation refuses it."""
        fragment = self._fragments.get(name)
        if fragment is None or name in self._open:
            return Size()
        size = self._sizes.get(name)
        if size is None:
            self._open.add(name)
            size = self._selections(fragment.selection_set)
            size.directives += len(fragment.directives or ())
            self._open.discard(name)
            self._sizes[name] = size
        return Size(size.depth, size.introspection_depth, size.fields, size.aliases, size.directives)


def too_complex(limit: str, maximum: int, actual: int, *nodes: OperationDefinitionNode) -> GraphQLError:
    """The refusal of what exceeds one limit, saying which."""
    actual = min(actual, _SHOWN)
    return GraphQLError(
        f"This operation asks for too much: its {limit} is {actual}, and {maximum} is the most allowed.",
        nodes,
        extensions={"code": TOO_COMPLEX, "limit": limit, "maximum": maximum, "actual": actual},
    )


def excesses(document: DocumentNode, limits: Limits) -> list[GraphQLError]:
    """A refusal for every limit that an operation of the document exceeds; cost is not known yet."""
    measure, errors = Measure(document), []
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            try:
                size = measure.operation(definition)
            except RecursionError:
                size = Size(depth=_SHOWN)
            for limit, maximum, actual in (
                ("depth", limits.depth, size.depth),
                ("introspection depth", INTROSPECTION_DEPTH, size.introspection_depth),
                ("number of fields", limits.fields, size.fields),
                ("number of aliases", limits.aliases, size.aliases),
                ("number of directives", limits.directives, size.directives),
            ):
                if actual > maximum:
                    errors.append(too_complex(limit, maximum, actual, definition))
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
