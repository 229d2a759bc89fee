"""From selection sets to functions.

`selection` answers the name of a function `(source, path, run) -> dict` for an object; `completion` that of a function
`(value, path, run) -> Any` for a value of a type. Which fields are selected is what graphql-core's own collection of
fields says. Names of the response stand in the code as literals; nothing else of a request does.
"""

from collections.abc import Iterable
from enum import Enum
from typing import TYPE_CHECKING, Any

from graphql import (
    GraphQLAbstractType,
    GraphQLBoolean,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLLeafType,
    GraphQLList,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLString,
    get_nullable_type,
    is_abstract_type,
    is_leaf_type,
    is_object_type,
)
from graphql.execution.collect_fields import FieldDetails, collect_fields, collect_subfields
from graphql.pyutils import Undefined
from strawberry.schema.schema_converter import CustomGraphQLEnumType

from app.execution.compiled.batches import Batch, batch_of
from app.execution.compiled.code import Code, indented
from app.execution.compiled.paths import Steps, of_field
from app.execution.compiled.positions import Complete, Kind, Position, is_plain
from app.execution.compiled.resolvers import fetch, with_arguments
from app.execution.compiled.strawberries import CAST, is_by_class, is_of_strawberry, resolves_by_class, unwrap

if TYPE_CHECKING:
    from app.execution.compiled.executor import CompiledExecutor

MAX_FIELDS = 250
"""Selected fields beyond which an operation is not compiled: each takes a seventh of a millisecond, all in one go."""

Grouped = dict[str, list[FieldDetails]]

_SCALARS: dict[int, str] = {
    id(GraphQLString): "type({v}) is str",
    id(GraphQLID): "type({v}) is str",
    id(GraphQLInt): "type({v}) is int and -2147483648 <= {v} <= 2147483647",
    id(GraphQLFloat): "type({v}) is float and -INFINITY < {v} < INFINITY",
    id(GraphQLBoolean): "type({v}) is bool",
}
"""What must hold of a value that is the response's as it is."""

PARAMETERS = "value, path, run"


class Unsupported(Exception):
    """The operation has to be executed by graphql-core, for the reason given."""


class Compiler:
    """Compiles one operation, for the values that its conditions have in one execution."""

    def __init__(self, run: "CompiledExecutor") -> None:
        self.code = Code()
        self._schema, self._operation, self._fragments = run.schema, run.operation, run.fragments
        self._values, self._hide_suggestions = run.variable_values, run.hide_suggestions
        self._fields = 0

    def root(self) -> tuple[Grouped, GraphQLObjectType]:
        """The root fields and their type. Raises Unsupported."""
        root = self._schema.get_root_type(self._operation.operation)
        if root is None:
            raise Unsupported("no root type")
        grouped, deferred, _ = collect_fields(
            self._schema, self._fragments, self._values, root, self._operation, self._hide_suggestions
        )
        if deferred:
            raise Unsupported("incremental delivery")
        return grouped, root

    def selection(self, parent: GraphQLObjectType, grouped: Grouped, lift: int) -> str:
        """The function that makes the response of an object. `lift` is that of the object's own position."""
        name = self.code.name("object_")
        lines: list[str] = []
        members: list[str] = []
        values = False
        for key, details in grouped.items():
            self._fields += 1
            if self._fields > MAX_FIELDS:
                raise Unsupported("size")
            field = details[0].node.name.value
            if field == "__typename":
                members.append(f"{key!r}: {parent.name!r}")
                continue
            definition = self._schema.get_field(parent, field)
            if definition is None:
                continue
            position = Position(details, definition, parent, definition.type, lift, unwrap(definition, self._schema))
            variable = f"v{len(members)}"
            path = f"(path, {key!r}, {parent.name!r})"
            where = self.code.constant(position, "position")
            body, names_values = self._field(position, where, variable, path)
            lines += ["try:", *indented(body)]
            lines += ["except Exception as error:", f"    {variable} = {where}.failed(run, error, {path})"]
            members.append(f"{key!r}: {variable}")
            values = values or names_values
        if values:
            lines.insert(0, "values = run.variable_values.coerced")
        lines.append(f"result = {{{', '.join(members)}}}")
        lines += ["if run.unbound: run.bind(result, path)", "return result"]
        self.code.define(name, "source, path, run", lines)
        return name

    def _field(self, position: Position, where: str, variable: str, path: str) -> tuple[list[str], bool]:
        """The lines that give `variable` the completed value of a field, and whether they name `values`."""
        batch = batch_of(position.definition) if position.wrapped else None
        if batch is not None:
            complete, named = self._batched(position, where, batch), self.code.constant(batch, "batch")
            return [
                f"key = source.{batch.by}",
                f"if key is None: {variable} = {complete}(None, {path}, run)",
                f"else: {variable} = run.load({where}, {named}, key, {path}, {complete})",
            ], False
        found = fetch(self.code, position, where, path)
        lines = [f"{variable} = {found.expression}"]
        if not found.called:
            return [*lines, *self._inline(position, where, position.type, variable, path)], False
        complete = self.completion(position, where, position.type)
        inline = [f"{variable} = {complete}({variable}, {path}, run)"]
        if is_leaf_type(inner := get_nullable_type(position.type)):
            inline = self._leaf(position, where, inner, variable, path)
        waiting = f"{variable} = run.wait({where}, {variable}, {path}, {complete})"
        return [*lines, f"if type({variable}) is Coroutine: {waiting}", "else:", *indented(inline)], found.values

    def _batched(self, position: Position, where: str, batch: Batch) -> str:
        """The function that completes what a batch has found."""
        complete = self.completion(position, where, position.type)
        if batch.then is None:
            return complete
        made = with_arguments(self.code, position, where, "path", self.code.constant(batch.then, "then"), ["value"])
        name = self.code.name("derived_")
        values = ["values = run.variable_values.coerced"] if made.values else []
        self.code.define(name, PARAMETERS, [*values, f"return {complete}({made.expression}, path, run)"])
        return name

    def _inline(self, position: Position, where: str, type: GraphQLOutputType, variable: str, path: str) -> list[str]:
        """The lines that complete `variable` where it stands; a leaf takes no call."""
        inner = get_nullable_type(type)
        if is_leaf_type(inner):
            return self._leaf(position, where, inner, variable, path)
        if is_object_type(inner):
            return [f"{variable} = {self._object(position, where, inner, variable, path)}"]
        return [f"{variable} = {self.completion(position, where, type)}({variable}, {path}, run)"]

    def completion(self, position: Position, where: str, type: GraphQLOutputType) -> str:
        """The function that completes a value of the type at the position."""
        inner = get_nullable_type(type)
        if isinstance(inner, GraphQLList):
            return self._list(position, where, inner)
        if is_leaf_type(inner):
            name = self.code.name("leaf_")
            self.code.define(name, PARAMETERS, [*self._leaf(position, where, inner, "value", "path"), "return value"])
            return name
        if is_object_type(inner):
            name = self.code.name("value_")
            self.code.define(name, PARAMETERS, [f"return {self._object(position, where, inner, 'value', 'path')}"])
            return name
        if is_abstract_type(inner):
            return self._abstract(position, inner)
        raise Unsupported("type")

    def _leaf(self, position: Position, where: str, type: GraphQLLeafType, variable: str, path: str) -> list[str]:
        null = f"{variable} is not None and " if position.nullable else ""
        otherwise = f"elif {variable} is not None" if position.nullable else "else"
        unexpected = f"{variable} = {where}.unexpected(run, {variable}, {path})"
        if (expected := _SCALARS.get(id(type))) is not None:
            return [f"if {null}not ({expected.format(v=variable)}): {unexpected}"]
        if (names := _enum_names(type)) is not None:
            cls = self.code.constant(type.wrapped_cls, "enum")  # type: ignore[union-attr]
            return [
                f"if type({variable}) is {cls}: {variable} = {self.code.constant(names, 'names')}[{variable}._name_]",
                f"{otherwise}: {unexpected}",
            ]
        classes = self.code.constant(set(), "classes")
        coerce = self.code.constant(type.coerce_output_value, "coerce")
        return [
            f"if type({variable}) in {classes}:",
            f"    coerced = {coerce}({variable})",
            f"    if coerced is None or coerced is Undefined: {unexpected}",
            f"    else: {variable} = coerced",
            f"else: {variable} = {where}.scalar(run, {variable}, {path}, {classes})",
        ]

    def _object(self, position: Position, where: str, type: GraphQLObjectType, variable: str, path: str) -> str:
        """The expression of a completed object."""
        rule = type.is_type_of
        kind = Kind(type, rule is None or is_by_class(rule))
        named = self.code.constant(kind, "kind")
        made = self.selection(type, self._subfields(type, position), position.lift)
        classes = self.code.constant(kind.classes, "classes")
        cast = f" and not hasattr({variable}, {CAST!r})" if is_of_strawberry(rule) else ""
        return (
            f"{made}({variable}, {path}, run) if type({variable}) in {classes}{cast} "
            f"else {where}.object(run, {variable}, {path}, {made}, {named})"
        )

    def _list(self, position: Position, where: str, type: GraphQLList[Any]) -> str:
        items = position.items(type.of_type)
        each = self.code.constant(items, "position")
        name = self.code.name("list_")
        unexpected = f"{where}.unexpected(run, value, path, {name})"
        null = f"None if value is None else {unexpected}" if position.nullable else unexpected
        step = "(path, index, None)"
        self.code.define(
            name,
            PARAMETERS,
            [
                f"if type(value) is not list and type(value) is not tuple: return {null}",
                "result = []",
                "append, index = result.append, 0",
                "for item in value:",
                "    try:",
                *indented(indented(self._inline(items, each, type.of_type, "item", step))),
                "    except Exception as error:",
                f"        item = {each}.failed(run, error, {step})",
                "    append(item)",
                "    index += 1",
                "if run.unbound: run.bind(result, path)",
                "return result",
            ],
        )
        return name

    def _abstract(self, position: Position, type: GraphQLAbstractType) -> str:
        abstract = _Abstract(self, position, type)
        known = self.code.constant(abstract.known, "known")
        name = self.code.name("abstract_")
        self.code.define(
            name,
            PARAMETERS,
            [
                f"made = {known}.get(type(value))",
                f"if made is None or hasattr(value, {CAST!r}): return {self.code.constant(abstract)}(value, path, run)",
                "return made(value, path, run)",
            ],
        )
        return name

    def _subfields(self, type: GraphQLObjectType, position: Position) -> Grouped:
        grouped, deferred, _ = collect_subfields(
            self._schema,
            self._fragments,
            self._values,
            self._operation,
            type,
            position.details,
            self._hide_suggestions,
        )
        if deferred:
            raise Unsupported("incremental delivery")
        return grouped

    def member(self, type: GraphQLObjectType, position: Position) -> Complete:
        """The function that makes the response of an object of one of the types that a position may have."""
        name = self.selection(type, self._subfields(type, position), position.lift)
        self.code.build()
        made: Complete = self.code[name]
        return made


class _Abstract:
    """Completes values of an interface or a union, compiling each type's selection when its first value comes."""

    def __init__(self, compiler: Compiler, position: Position, type: GraphQLAbstractType) -> None:
        self._compiler, self._position, self._type = compiler, position, type
        self._possible = list(compiler._schema.get_possible_types(type))
        self._made: dict[str, tuple[Complete, GraphQLObjectType]] = {}
        self.known: dict[type, Complete] = {}  # type: ignore[valid-type]
        """By classes all of whose values have the same type."""

    def __call__(self, value: Any, path: Steps, run: "CompiledExecutor") -> Any:
        position = self._position
        if value is None and position.nullable:
            return None
        if value is None or value is Undefined or not is_plain(type(value)):
            return position.unexpected(run, value, path, self)
        info = run.resolve_info(position, of_field(path))
        named = (self._type.resolve_type or run.type_resolver)(value, info, self._type)
        if run.is_awaitable(named):
            close = getattr(named, "close", None)
            if close is not None:
                close()  # graphql-core asks again
            return position.interpret(value, path, run)
        made = self._made.get(named) if isinstance(named, str) else None
        if made is None:
            kind = run.ensure_valid_runtime_type(named, self._type, position.details, info, value)
            try:
                made = self._made[kind.name] = self._compiler.member(kind, position), kind
            except Unsupported:
                return position.interpret(value, path, run)
        complete, kind = made
        rule = kind.is_type_of
        if rule is not None and rule(value, info) is not True:
            return position.interpret(value, path, run)
        by_class = rule is None or is_by_class(rule)
        if by_class and not hasattr(value, CAST) and resolves_by_class(self._type, self._possible, type(value)):
            self.known[type(value)] = complete
        return complete(value, path, run)


def _enum_names(type: GraphQLLeafType) -> dict[str, str] | None:
    """What the response says for each member, by its name in Python; None if that is not all there is to know."""
    if not isinstance(type, CustomGraphQLEnumType) or not issubclass(type.wrapped_cls, Enum):
        return None
    try:
        members: Iterable[Any] = type.wrapped_cls.__members__.values()
        return {member._name_: type.coerce_output_value(member) for member in members}
    except ValueError:
        return None
