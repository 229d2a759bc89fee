"""The filter language as GraphQL inputs: one for each list that names its attributes, one for each kind of value.

An input declares `and_`, `or_` and `not_` with `combined()`, and every attribute with `UNSET`, or with `refers(...)`
when it holds the id of a node; `tree` turns what a client sent into the plain form of `core.filters`.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from typing import Any

import strawberry
from strawberry import UNSET
from strawberry.types.base import get_object_definition

from app.core import commands
from app.core.commands import open_id
from app.core.errors import Invalid
from app.core.filters import Tree
from app.schema.kit.nodes import Node


def comparison(name: str, kind: Any, *, ordered: bool = False, text: bool = False) -> Any:
    """The input type of the comparisons with values of one kind."""
    annotations = {"eq": kind | None, "ne": kind | None, "in_": list[kind] | None, "not_in": list[kind] | None}
    annotations["exists"] = bool | None
    if ordered:
        annotations |= dict.fromkeys(("lt", "lte", "gt", "gte"), kind | None)
    if text:
        annotations |= dict.fromkeys(("contains", "starts_with"), kind | None)
    named = {n: strawberry.field(name="in" if n == "in_" else None, default=UNSET) for n in annotations}
    made = type(name, (), {"__annotations__": annotations, **named})
    return strawberry.input(made, description="Comparisons; all that are given must hold.")


StringFilter = comparison("StringFilter", str, text=True)
IdFilter = comparison("IdFilter", strawberry.ID)
DateTimeFilter = comparison("DateTimeFilter", datetime, ordered=True)


def refers(node: type[Node]) -> Any:
    """An attribute that holds the id of a `node`; the id of anything else is refused."""
    return strawberry.field(default=UNSET, metadata={"node": node.__name__})


def combined(word: str) -> Any:
    """The attribute for `and`, `or` or `not`, which are words of Python."""
    return strawberry.field(name=word, default=UNSET)


def tree(given: object | None) -> Tree | None:
    """What a client sent, as the language's plain tree.

    Raises NotFound for ids of the wrong kind, Invalid for moments that UTC has no name for.
    """
    return None if given is None else _tree(given)


def _tree(given: object, node: str | None = None) -> dict[str, Any]:
    definition = get_object_definition(type(given), strict=True)
    sent = [(field, getattr(given, field.python_name)) for field in definition.fields]
    return {
        field.python_name.rstrip("_"): _plain(value, field.metadata.get("node", node))
        for field, value in sent
        if value is not UNSET and value is not None
    }


def _plain(value: Any, node: str | None) -> Any:
    if isinstance(value, list):
        return [_plain(one, node) for one in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return in_utc(value, ["filter"])
    if isinstance(value, str) and node:
        return open_id(value, node)
    return _tree(value, node) if get_object_definition(type(value)) else value


def in_utc(moment: datetime, path: Sequence[str]) -> datetime:
    """The moment of an argument as `commands.in_utc` has it. Raises Invalid."""
    try:
        return commands.in_utc(moment)
    except ValueError as error:
        raise Invalid(error.args[0], path=path) from None
