"""What an operation costs: an upper bound of the objects it makes the server build, known before it runs.

A scalar costs nothing, an object 1, a page 2 and each of its `first` items what one item costs, a mutation and a
subscription 10. A list without `first` counts as ten items. What is delivered by itself is more work: a deferred
fragment costs 10 for each object it is part of, an item of a streamed list 3 more. Field metadata overrides: `cost` is
the price of the field itself, `items` the length of its list.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLArgument,
    GraphQLCompositeType,
    GraphQLField,
    GraphQLList,
    GraphQLObjectType,
    GraphQLSchema,
    IntValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_composite_type,
)

from app.core.paging import MAX_PAGE
from app.execution.incremental import put_off

OBJECT, PAGE, COMMAND, LIST_ITEMS = 1, 2, 10, 10
DEFERRED, STREAMED = 10, 3
PAGE_ARGUMENT = "first"


class PageSize(NamedTuple):
    """A page size that a variable gives."""

    variable: str
    default: int

    def of(self, variables: Mapping[str, Any]) -> int:
        value = variables.get(self.variable)
        if value is None:
            value = self.default
        return value if value > 0 else 0


Terms = dict[tuple[PageSize, ...], int]
"""A sum of products: the factor by the page sizes it is multiplied with."""


@dataclass(frozen=True, slots=True)
class Price:
    """A sum known from the text, and what depends on variables."""

    fixed: int
    most: int
    """What costs more is refused when it runs."""
    variable: tuple[tuple[int, tuple[PageSize, ...]], ...] = ()
    defaults: Mapping[str, int] = field(default_factory=dict)
    """Of the variables that size pages, where the operation declares any."""

    def of(self, variables: Mapping[str, Any]) -> int:
        """The whole price, given the coerced variables."""
        whole = self.fixed
        for factor, sizes in self.variable:
            for size in sizes:
                factor *= size.of(variables)
            whole += factor
        return whole

    def asked(self, variables: Mapping[str, Any]) -> int:
        """What whoever asks pays, given the variables as a client sent them; nothing for what will be refused."""
        numbers = {name: value for name, value in variables.items() if isinstance(value, int)}
        cost = self.of({**self.defaults, **numbers})
        return cost if cost <= self.most else 0


def price(schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode, most: int) -> Price:
    """The price of one operation of a valid document, of which `most` is the limit."""
    root = schema.get_root_type(operation.operation)
    assert root is not None
    base = None if operation.operation is OperationType.QUERY else COMMAND
    terms = _Pricing(schema, document, root, base).selections(operation.selection_set, root)
    fixed = terms.pop((), 0)
    defaults = {
        variable.variable.name.value: int(variable.default_value.value)
        for variable in operation.variable_definitions or ()
        if isinstance(variable.default_value, IntValueNode)
    }
    return Price(fixed, most, tuple((factor, sizes) for sizes, factor in terms.items()), defaults)


class _Pricing:
    def __init__(
        self, schema: GraphQLSchema, document: DocumentNode, root: GraphQLObjectType, base: int | None
    ) -> None:
        self._schema, self._root, self._base = schema, root, base
        self._fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
        self._known: dict[tuple[str, int | PageSize | None], Terms] = {}

    def selections(
        self, node: SelectionSetNode, parent: GraphQLCompositeType, page: int | PageSize | None = None
    ) -> Terms:
        """The price of what is selected of one `parent`; `page` is the length of its lists if it is a page."""
        terms: Terms = {}
        for selection in node.selections:
            if isinstance(selection, FieldNode):
                _add(terms, self._field(selection, parent, page))
                continue
            if put_off(selection):
                _add(terms, {(): DEFERRED})
            if isinstance(selection, FragmentSpreadNode):
                _add(terms, self._fragment(selection.name.value, page))
            else:
                _add(terms, self._conditional(selection, parent, page))
        return terms

    def _fragment(self, name: str, page: int | PageSize | None) -> Terms:
        known = self._known.get((name, page))
        if known is None:
            fragment = self._fragments[name]
            known = self._known[name, page] = self._conditional(fragment, self._root, page)
        return known

    def _conditional(self, node: Any, parent: GraphQLCompositeType, page: int | PageSize | None) -> Terms:
        condition = node.type_condition
        of: Any = self._schema.type_map[condition.name.value] if condition else parent
        return self.selections(node.selection_set, of, page)

    def _field(self, node: FieldNode, parent: GraphQLCompositeType, page: int | PageSize | None) -> Terms:
        name = node.name.value
        if name.startswith("__"):
            return {}
        field: GraphQLField = parent.fields[name]  # type: ignore[union-attr]
        metadata = _metadata(field)
        named: Any = get_named_type(field.type)
        is_list = isinstance(get_nullable_type(field.type), GraphQLList)
        size = _page_size(node, field)
        own = metadata.get("cost")
        if own is None and parent is self._root:
            own = self._base
        if own is None:
            own = 0 if not is_composite_type(named) else OBJECT if is_list or size is None else PAGE
        streamed = is_list and put_off(node)
        if node.selection_set is None and not streamed:
            return {(): own}
        within = None if is_list else size
        terms = self.selections(node.selection_set, named, within) if node.selection_set else {}
        _add(terms, {(): own + STREAMED if streamed else own})
        return _times(terms, _first_known(size, metadata.get("items"), page, LIST_ITEMS)) if is_list else terms


def _first_known(*sizes: int | PageSize | None) -> int | PageSize:
    return next(size for size in sizes if size is not None)


def _metadata(field: GraphQLField) -> Mapping[str, Any]:
    definition = field.extensions.get("strawberry-definition")
    return {} if definition is None else definition.metadata


def _page_size(node: FieldNode, field: GraphQLField) -> int | PageSize | None:
    """The size of the page a field asks for; None when it does not page."""
    argument: GraphQLArgument | None = field.args.get(PAGE_ARGUMENT)
    if argument is None:
        return None
    default = argument.default_value if isinstance(argument.default_value, int) else MAX_PAGE
    for given in node.arguments or ():
        if given.name.value == PAGE_ARGUMENT:
            if isinstance(given.value, VariableNode):
                return PageSize(given.value.name.value, default)
            if isinstance(given.value, IntValueNode):
                return max(0, int(given.value.value))
    return default


def _add(terms: Terms, more: Terms) -> None:
    for sizes, factor in more.items():
        terms[sizes] = terms.get(sizes, 0) + factor


def _times(terms: Terms, size: int | PageSize) -> Terms:
    if isinstance(size, int):
        return {sizes: factor * size for sizes, factor in terms.items()}
    return {tuple(sorted((*sizes, size))): factor for sizes, factor in terms.items()}
