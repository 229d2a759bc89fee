"""What Strawberry puts around a resolver, and when it may be seen through.

Stands on parts of Strawberry that are not public. What is not recognised is called the way graphql-core calls it:
slower, never wrong; `figures.opaque` names such fields.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLAbstractType, GraphQLField, GraphQLObjectType, GraphQLSchema
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.field import StrawberryField

CAST = "__as_strawberry_type__"
"""Where `strawberry.cast` says, on a value, which type it is."""

_WRAPPERS = "GraphQLCoreConverter.from_resolver.<locals>."
_TYPE_RULES = "GraphQLCoreConverter."
_TYPE_RESOLVERS = ("_get_resolve_type.<locals>.resolve_type", "._resolve_union_type")


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A field whose resolver Strawberry wraps in nothing that does anything."""

    field: StrawberryField
    converter: GraphQLCoreConverter

    @property
    def argument_names(self) -> dict[str, Any]:
        """Strawberry's arguments by their names in GraphQL."""
        named = self.converter.config.name_converter.from_argument
        return {named(argument): argument for argument in self.field.arguments}


def declared(definition: GraphQLField) -> StrawberryField | None:
    """The Strawberry field that the GraphQL field was made from."""
    field = definition.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    return field if isinstance(field, StrawberryField) else None


def unwrap(definition: GraphQLField, schema: GraphQLSchema) -> Wrapped | None:
    """The field, if its resolver can be called directly: no extensions, permissions or handlers of exceptions."""
    field, resolve = declared(definition), definition.resolve
    if field is None or resolve is None or field.extensions or type(field).get_result is not StrawberryField.get_result:
        return None
    if not getattr(resolve, "__qualname__", "").startswith(_WRAPPERS):
        return None
    converter: GraphQLCoreConverter = schema._strawberry_schema.schema_converter  # type: ignore[attr-defined]
    return None if converter._get_field_exception_handlers(field) else Wrapped(field, converter)


def is_of_strawberry(rule: Callable[..., Any] | None) -> bool:
    """Whether Strawberry made this `is_type_of`: it looks at the class of a value, and at `CAST`."""
    return getattr(rule, "__qualname__", "").startswith(_TYPE_RULES)


def is_by_class(rule: Callable[..., Any] | None) -> bool:
    """Whether an `is_type_of` answers alike for all values of a class; one of ours says so with `by_class`."""
    return is_of_strawberry(rule) or bool(getattr(rule, "by_class", False))


def resolves_by_class(abstract: GraphQLAbstractType, possible: list[GraphQLObjectType], cls: type) -> bool:
    """Whether all values of the class are of the same type in this interface or union, `CAST` aside."""
    name = getattr(abstract.resolve_type, "__qualname__", "")
    if not name.endswith(_TYPE_RESOLVERS):
        return False
    own = getattr(cls, "__strawberry_definition__", None)
    if own is not None:
        return not own.is_graphql_generic
    asked = [type.is_type_of for type in possible if type.is_type_of is not None]
    return bool(asked) and all(map(is_by_class, asked))
