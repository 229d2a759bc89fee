"""Rules of the whole schema."""

import inspect
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLScalarType,
    get_named_type,
    is_specified_scalar_type,
)
from pydantic import BaseModel
from strawberry.utils.str_converters import to_camel_case

from app.core.commands import Ref
from app.resolvers.roots import schema
from app.schema.kit.audiences import Audience
from tests.documents import KINDS, ROOTS, field, graph

TYPES = [type for name, type in sorted(graph.type_map.items()) if not name.startswith("__")]
OBJECTS = [type for type in TYPES if isinstance(type, GraphQLObjectType | GraphQLInterfaceType)]


def _strawberry_fields(root: str) -> list[Any]:
    return list(schema.get_type_by_name(root).fields)  # type: ignore[union-attr]


ROOT_FIELDS = [(root, one) for root in ("Query", "Mutation", "Subscription") for one in _strawberry_fields(root)]


@pytest.mark.parametrize("name", KINDS)
def test_a_root_field_is_described(name: str) -> None:
    assert field(name).description


@pytest.mark.parametrize(("root", "one"), ROOT_FIELDS, ids=lambda part: getattr(part, "python_name", part))
def test_a_root_field_names_its_audience_in_its_description(root: str, one: Any) -> None:
    audience = one.metadata.get("audience")
    assert isinstance(audience, Audience), f"{root}.{one.python_name}"
    assert one.description.endswith(audience.description)


def test_nothing_but_the_kit_guards_fields() -> None:
    """Permission classes, extensions and directives of fields run once for each row, out of the engine's sight."""
    types: list[Any] = [schema.get_type_by_name(type.name) for type in OBJECTS]
    fields = [(type.name, one) for type in types for one in type.fields]
    assert [name for name, one in fields if one.permission_classes or one.extensions or one.directives] == []
    assert len(fields) > 100
    assert list(schema.extensions) == []


@pytest.mark.parametrize("type", TYPES, ids=str)
def test_a_type_is_described(type: Any) -> None:
    if isinstance(type, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType | GraphQLEnumType):
        assert type.description or type in ROOTS.values()
    elif isinstance(type, GraphQLScalarType) and not is_specified_scalar_type(type):
        assert type.description


def _commands() -> dict[str, type[BaseModel]]:
    """The command of every mutation that takes one."""
    found: dict[str, type[BaseModel]] = {}
    for root, one in ROOT_FIELDS:
        if root == "Mutation":
            hints = get_type_hints(inspect.unwrap(one.base_resolver.wrapped_func))
            if "input" in hints:
                found[one.python_name] = hints["input"]
    return found


def _refers(command: type[BaseModel]) -> bool:
    """Whether a command names something by its id."""
    return any("Ref(kind=" in repr((info.annotation, info.metadata)) for info in command.model_fields.values())


def test_a_mutation_that_names_something_can_answer_that_it_is_not_there() -> None:
    commands = _commands()
    assert sum(map(_refers, commands.values())) > 10, "the commands are not seen"
    for name, command in commands.items():
        if _refers(command):
            assert "NotFoundError" in _members(to_camel_case(name)), name


def test_every_mutation_can_answer_that_its_input_is_invalid_or_in_conflict() -> None:
    for name, kind in KINDS.items():
        if kind == "mutation":
            assert {"InvalidError", "ConflictError"} <= _members(name), name


def test_every_mutation_takes_an_idempotency_key() -> None:
    for name, kind in KINDS.items():
        assert ("idempotencyKey" in field(name).args) is (kind == "mutation"), name


def test_the_committed_schema_is_the_schema() -> None:
    committed = Path(__file__).parents[2] / "schema.graphql"
    assert committed.read_text() == schema.as_str().rstrip() + "\n", "run: atrium schema"


def test_ids_of_references_are_ids() -> None:
    assert repr(Ref("User")).startswith("Ref(kind='User'")  # what `_refers` looks for


def _members(mutation: str) -> set[str]:
    """The names of the types in its result union."""
    union: Any = get_named_type(field(mutation).type)
    return {member.name for member in graph.get_possible_types(union)}
