"""Valid operations of any schema, drawn at random, with their variables.

Response names follow from what is selected - field, type and arguments - so that fields never conflict, though they are
merged often. Values of arguments are of their types but for a few variables.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import Any
from zlib import crc32

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    Undefined,
    get_named_type,
    is_abstract_type,
    is_composite_type,
    is_input_object_type,
    is_list_type,
    is_non_null_type,
)

WORDS = ("", "x", "Ada", "five!", "a longer name", 'é\n"')
SCALARS: Mapping[str, tuple[Any, ...]] = {
    "Int": (0, 1, 2, 3, 5, 7, 12, 33, 44, -1),
    "Float": (0.5, 2, -1.25),
    "String": WORDS,
    "ID": ("1", 5, "Course_000000020000000000000003", "Person_000000010000000000000002"),
    "Boolean": (True, False),
    "DateTime": ("2026-01-01T00:00:00Z", "2026-02-03T04:05:06+02:00"),
    "Date": ("2026-01-01", "2026-02-03"),
    "JSON": ({"a": [1, None]}, 5, "text"),
}


@dataclass(frozen=True)
class Drawn:
    """A document of one operation, and values for its variables."""

    text: str
    variables: dict[str, Any]


class Grammar:
    """What can be drawn of a schema.

    `scalars` are values of its scalars by name, besides those known here; `arguments` are values of arguments of any
    field, by name, None for one that is never given.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        scalars: Mapping[str, tuple[Any, ...]] | None = None,
        arguments: Mapping[str, tuple[Any, ...] | None] | None = None,
    ) -> None:
        self.schema, self.scalars, self.arguments = schema, {**SCALARS, **(scalars or {})}, arguments or {}

    @cached_property
    def ambiguous(self) -> frozenset[str]:
        """The names of fields that have several types."""
        types: dict[str, set[str]] = {}
        for kind in self.schema.type_map.values():
            if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
                for name, field in kind.fields.items():
                    types.setdefault(name, set()).add(str(field.type))
        return frozenset(name for name, found in types.items() if len(found) > 1)

    def draw(self, seed: int, *, depth: int = 4, fields: int = 80) -> Drawn:
        """The operation of a seed: at most `depth` objects deep, of about `fields` fields."""
        return _Drawing(self, Random(seed), depth, fields).operation()


class _Drawing:
    def __init__(self, grammar: Grammar, chance: Random, depth: int, fields: int) -> None:
        self._grammar, self._chance, self._depth, self._left = grammar, chance, depth, fields
        self._declared: dict[str, str] = {}
        self._variables: dict[str, Any] = {}
        self._fragments: list[str] = []
        self._spreadable: list[tuple[str, str]] = []
        self._values: tuple[Any, ...] = ()

    def operation(self) -> Drawn:
        schema, chance = self._grammar.schema, self._chance
        roots = [schema.query_type] * 7 + [schema.mutation_type] * 2 + [schema.subscription_type]
        root = chance.choice([root for root in roots if root])
        kind = {schema.query_type: "query", schema.mutation_type: "mutation"}.get(root, "subscription")
        if kind == "subscription":
            name = chance.choice(list(root.fields))
            body = "{" + self._field(root, name, 1) + "}"
        else:
            body = self._selections(root, 0)
        declared = ", ".join(f"${name}: {type}" for name, type in self._declared.items())
        head = f"{kind} Drawn{f'({declared})' if declared else ''}"
        return Drawn(" ".join([head, body, *self._fragments]), self._variables)

    def _selections(self, parent: Any, depth: int) -> str:
        chance = self._chance
        parts = [self._selection(parent, depth) for _ in range(chance.choice((1, 2, 3, 4, 6, 8)))]
        parts = [part for part in parts if part] or ["__typename"]
        return "{" + " ".join(parts) + "}"

    def _selection(self, parent: Any, depth: int) -> str:
        luck = self._chance.random()
        if luck < 0.05:
            return "__typename" + self._condition()
        if luck < 0.10:
            return self._fragment(parent, depth)
        if is_abstract_type(parent) and (luck < 0.75 or not hasattr(parent, "fields")):
            of = self._chance.choice(self._grammar.schema.get_possible_types(parent))
            return f"... on {of.name}{self._condition()} {self._selections(of, depth)}"
        if luck < 0.14:
            return f"...{self._condition()} {self._selections(parent, depth)}"
        return self._field(parent, self._chance.choice(list(parent.fields)), depth + 1)

    def _fragment(self, parent: Any, depth: int) -> str:
        """Spread a fragment on the type: one that is there already, or another."""
        fitting = [name for name, on in self._spreadable if on == parent.name]
        if fitting and self._chance.random() < 0.5:
            return f"...{self._chance.choice(fitting)}{self._condition()}"
        name, body = f"F{len(self._fragments)}", ""
        self._fragments.append(body)
        place = len(self._fragments) - 1
        self._fragments[place] = f"fragment {name} on {parent.name} {self._selections(parent, max(depth, 1))}"
        self._spreadable.append((name, parent.name))
        return f"...{name}{self._condition()}"

    def _field(self, parent: Any, name: str, depth: int) -> str:
        field: GraphQLField = parent.fields[name]
        composite = is_composite_type(get_named_type(field.type))
        if self._left <= 0 or (composite and depth > self._depth):
            return ""
        self._left -= 1
        arguments = self._arguments(field)
        alias = self._alias(name, f"{name} {field.type} {arguments}", bool(arguments))
        inner = self._selections(get_named_type(field.type), depth) if composite else ""
        condition = "" if depth == 1 and parent is self._grammar.schema.subscription_type else self._condition()
        return f"{alias}{name}{arguments}{condition} {inner}"

    def _alias(self, name: str, selected: str, needed: bool) -> str:
        if not needed and name not in self._grammar.ambiguous and self._chance.random() < 0.9:
            return ""
        return f"{name}_{crc32(selected.encode()):x}{self._chance.choice(('', '', '_'))}: "

    def _condition(self) -> str:
        luck = self._chance.random()
        if luck < 0.9:
            return ""
        name = self._chance.choice(("skip", "include"))
        value = self._chance.choice(("true", "false", "$c0", "$c1", "$c2"))
        if value.startswith("$"):
            variable = value[1:]
            if variable not in self._declared:
                self._declared[variable] = "Boolean! = true" if variable == "c0" else "Boolean!"
                if variable != "c0" or self._chance.random() < 0.5:
                    self._variables[variable] = self._chance.random() < 0.5
        return f" @{name}(if: {value})"

    # Arguments, literal and variable.

    def _arguments(self, field: GraphQLField) -> str:
        given = []
        for name, argument in field.args.items():
            values = self._grammar.arguments.get(name, ())
            required = is_non_null_type(argument.type) and argument.default_value is Undefined
            if values is not None and (required or self._chance.random() < 0.5):
                self._values = values
                given.append(f"{name}: {self._literal(argument.type, argument, 0)}")
                self._values = ()
        return f"({', '.join(given)})" if given else ""

    def _literal(self, type: GraphQLInputType, place: GraphQLArgument | GraphQLInputField | None, depth: int) -> str:
        chance = self._chance
        if chance.random() < 0.3:
            return self._variable(type, place)
        if is_non_null_type(type):
            return self._present(type.of_type, depth)
        return "null" if chance.random() < 0.1 else self._present(type, depth)

    def _present(self, type: Any, depth: int) -> str:
        chance = self._chance
        if is_list_type(type):
            if chance.random() < 0.1:
                inner = type.of_type.of_type if is_non_null_type(type.of_type) else type.of_type
                return self._present(inner, depth)  # one value for a list of one
            return "[" + ", ".join(self._literal(type.of_type, None, depth) for _ in range(chance.randrange(3))) + "]"
        if is_input_object_type(type):
            return "{" + ", ".join(self._members(type, depth)) + "}"
        return _written(self._plain(type, depth), is_enum=isinstance(type, GraphQLEnumType))

    def _members(self, type: GraphQLInputObjectType, depth: int) -> list[str]:
        return [f"{name}: {self._literal(field.type, field, depth + 1)}" for name, field in self._chosen(type, depth)]

    def _chosen(self, type: GraphQLInputObjectType, depth: int) -> list[tuple[str, GraphQLInputField]]:
        chosen = []
        for name, field in type.fields.items():
            required = is_non_null_type(field.type) and field.default_value is Undefined
            if required or (depth < 2 and self._chance.random() < 0.4):
                chosen.append((name, field))
        return chosen

    def _variable(self, type: GraphQLInputType, place: GraphQLArgument | GraphQLInputField | None) -> str:
        chance = self._chance
        optional = place is not None and place.default_value is not Undefined
        if is_non_null_type(type) and optional and chance.random() < 0.5:
            type = type.of_type  # a default of the argument's lets the variable be absent, and null an error
        name = f"v{len(self._variables)}_{len(self._declared)}"
        declared = str(type)
        if chance.random() < 0.2:
            default: Any = _without_variables(self, type)
            declared += f" = {default}"
        self._declared[name] = declared
        if (is_non_null_type(type) and "=" not in declared) or chance.random() < 0.7:
            self._variables[name] = self._value(type, 0)
        if chance.random() < 0.01:
            self._variables[name] = chance.choice((None, "wrong", 2**40, [[]], {"x": 1}))
        return f"${name}"

    def _value(self, type: Any, depth: int) -> Any:
        """A value of the type, as JSON has it."""
        chance = self._chance
        if is_non_null_type(type):
            return self._valued(type.of_type, depth)
        return None if chance.random() < 0.15 else self._valued(type, depth)

    def _valued(self, type: Any, depth: int) -> Any:
        if is_list_type(type):
            return [self._value(type.of_type, depth) for _ in range(self._chance.randrange(3))]
        if is_input_object_type(type):
            return {name: self._value(field.type, depth + 1) for name, field in self._chosen(type, depth)}
        return self._plain(type, depth)

    def _plain(self, type: Any, depth: int) -> Any:
        if isinstance(type, GraphQLEnumType):
            return self._chance.choice(list(type.values))
        return self._chance.choice(self._values or self._grammar.scalars[type.name])


def _without_variables(drawing: _Drawing, type: Any) -> str:
    return _as_literal(drawing._value(type, 0), get_named_type(type))


def _as_literal(value: Any, named: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_as_literal(one, named) for one in value) + "]"
    if isinstance(value, dict) and is_input_object_type(named):
        members = (f"{k}: {_as_literal(v, get_named_type(named.fields[k].type))}" for k, v in value.items())
        return "{" + ", ".join(members) + "}"
    return _written(value, is_enum=isinstance(named, GraphQLEnumType) and value is not None)


def _written(value: Any, *, is_enum: bool = False) -> str:
    """A value as GraphQL writes it."""
    if is_enum:
        return str(value)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, list):
        return "[" + ", ".join(map(_written, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_written(one)}" for name, one in value.items()) + "}"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    return repr(value)
