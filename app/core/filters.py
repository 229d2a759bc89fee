"""The filter language: conditions as data that mean the same to MongoDB and to a predicate in memory.

A filter is a tree of plain dicts: `{"sender_id": {"in": [...]}, "or": [{...}, {...}], "not": {...}}`.
Names beside each other must all hold. Lists, saved searches, audiences and webhooks all speak it; what a
caller may name is a `Filterable`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from app.core.errors import Invalid
from app.core.rows import Row

Tree = Mapping[str, Any]
Predicate = Callable[[Row], bool]

MAX_CONDITIONS = 50
MAX_DEPTH = 5
MAX_TEXT = 200
MAX_LIST = 100


@dataclass(frozen=True, slots=True)
class Operator:
    """One comparison, in both forms."""

    mongo: Callable[[Any], Any]
    holds: Callable[[Any, Any], bool]


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    return lambda value, operand: value is not None and compare(value, operand)


def _equal(value: Any, operand: Any) -> bool:
    return operand in value if isinstance(value, list) else bool(value == operand)


def _text(pattern: str) -> Callable[[Any], Any]:
    # MongoDB takes a pattern for over at a NUL, and so refuses it.
    return lambda operand: {"$regex": pattern % re.escape(operand).replace("\0", r"\x00"), "$options": "i"}


OPERATORS: Mapping[str, Operator] = {
    "eq": Operator(lambda x: {"$eq": x}, _equal),
    "ne": Operator(lambda x: {"$ne": x}, lambda v, x: not _equal(v, x)),
    "in": Operator(lambda x: {"$in": x}, lambda v, x: any(_equal(v, one) for one in x)),
    "not_in": Operator(lambda x: {"$nin": x}, lambda v, x: not any(_equal(v, one) for one in x)),
    "lt": Operator(lambda x: {"$lt": x}, _ordered(lambda v, x: v < x)),
    "lte": Operator(lambda x: {"$lte": x}, _ordered(lambda v, x: v <= x)),
    "gt": Operator(lambda x: {"$gt": x}, _ordered(lambda v, x: v > x)),
    "gte": Operator(lambda x: {"$gte": x}, _ordered(lambda v, x: v >= x)),
    "contains": Operator(
        _text("%s"), lambda v, x: v is not None and re.search(re.escape(x), v, re.IGNORECASE) is not None
    ),
    "starts_with": Operator(
        _text("^%s"), lambda v, x: v is not None and re.match(re.escape(x), v, re.IGNORECASE) is not None
    ),
    "exists": Operator(lambda x: {"$ne": None} if x else {"$eq": None}, lambda v, x: (v is not None) is x),
}


@dataclass(frozen=True, slots=True)
class Filterable:
    """The attributes of a row that a filter may name."""

    names: frozenset[str]

    def mongo(self, tree: Tree) -> dict[str, Any]:
        """The MongoDB filter. Raises Invalid for what the language does not allow."""
        self.check(tree)
        return self._mongo(tree)

    def predicate(self, tree: Tree) -> Predicate:
        """The same filter as a function of a row. Raises Invalid."""
        self.check(tree)
        return lambda row: self._holds(tree, row)

    def check(self, tree: Tree) -> None:
        conditions = self._check(tree, 1)
        if conditions > MAX_CONDITIONS:
            raise Invalid(
                "A filter has at most {limit} conditions; this one has {conditions}.",
                path=["filter"],
                limit=MAX_CONDITIONS,
                conditions=conditions,
            )

    def _check(self, tree: Tree, depth: int) -> int:
        if depth > MAX_DEPTH:
            raise Invalid("A filter nests at most {limit} deep.", path=["filter"], limit=MAX_DEPTH)
        count = 0
        for name, part in tree.items():
            if name in ("and", "or"):
                count += sum(self._check(one, depth + 1) for one in part)
            elif name == "not":
                count += self._check(part, depth + 1)
            elif name not in self.names:
                raise Invalid("One cannot filter by “{name}”.", path=["filter", name], name=name)
            else:
                for operator, operand in part.items():
                    count += 1
                    _check_operand(name, operator, operand)
        return count

    def _mongo(self, tree: Tree) -> dict[str, Any]:
        parts: list[dict[str, Any]] = []
        for name, part in tree.items():
            if name == "and":
                parts += [self._mongo(one) for one in part]
            elif name == "or":
                parts.append({"$or": [self._mongo(one) for one in part]} if part else {"$expr": False})
            elif name == "not":
                parts.append({"$nor": [self._mongo(part)]})
            else:
                stored = "_id" if name == "id" else name
                parts += [{stored: OPERATORS[operator].mongo(operand)} for operator, operand in part.items()]
        return {"$and": parts} if len(parts) > 1 else parts[0] if parts else {}

    def _holds(self, tree: Tree, row: Row) -> bool:
        for name, part in tree.items():
            if name == "and":
                held = all(self._holds(one, row) for one in part)
            elif name == "or":
                held = any(self._holds(one, row) for one in part)
            elif name == "not":
                held = not self._holds(part, row)
            else:
                value = getattr(row, name)
                held = all(OPERATORS[operator].holds(value, operand) for operator, operand in part.items())
            if not held:
                return False
        return True


def _check_operand(name: str, operator: str, operand: Any) -> None:
    path = ["filter", name, operator]
    if operator not in OPERATORS:
        raise Invalid("There is no comparison “{operator}”.", path=path, operator=operator)
    if isinstance(operand, Mapping):
        raise Invalid("A comparison takes a value or a list of values.", path=path)
    if isinstance(operand, str) and len(operand) > MAX_TEXT:
        raise Invalid("A text in a filter has at most {limit} characters.", path=path, limit=MAX_TEXT)
    if operator in ("in", "not_in"):
        if not isinstance(operand, list) or len(operand) > MAX_LIST:
            raise Invalid("A list in a filter has at most {limit} values.", path=path, limit=MAX_LIST)
    elif isinstance(operand, list):
        raise Invalid("This comparison takes one value.", path=path)
