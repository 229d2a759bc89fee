"""Keyset pages: rows now, cursors only for those who ask."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

import bson
from bson.errors import BSONError

from app.core.errors import BadCursor, Invalid

T = TypeVar("T")

MAX_PAGE = 100
_SCALARS = {bson.ObjectId, datetime, int, bson.Int64, str}  # exact types: bson.Code is a str too, and an operator


@dataclass(frozen=True, slots=True)
class PageArgs:
    """What a list was asked for: `first` rows `after` a cursor, and the columns its selection reads (None: all)."""

    first: int = 20
    after: str | None = None
    fields: frozenset[str] | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.first <= MAX_PAGE:
            raise Invalid("`first` must be from 1 to {limit}.", path=["first"], limit=MAX_PAGE)


@dataclass(frozen=True, slots=True)
class Order:
    """Sort keys, the last of which is `_id`; all ascending or all descending."""

    keys: tuple[str, ...] = ("_id",)
    descending: bool = True

    @property
    def sort(self) -> dict[str, int]:
        return dict.fromkeys(self.keys, -1 if self.descending else 1)

    def after(self, cursor: str | None) -> dict[str, Any]:
        """The filter for "comes after this cursor". Raises BadCursor."""
        if cursor is None:
            return {}
        values = _decode(cursor, self.keys)
        step = "$lt" if self.descending else "$gt"
        if len(self.keys) == 1:
            return {self.keys[0]: {step: values[0]}}
        pairs = list(zip(self.keys, values, strict=True))
        return {"$or": [{**dict(pairs[:n]), key: {step: value}} for n, (key, value) in enumerate(pairs)]}


NEWEST = Order()
OLDEST = Order(descending=False)


def _decode(cursor: str, keys: Sequence[str]) -> list[Any]:
    try:
        steps: Mapping[str, Any] = bson.decode(urlsafe_b64decode(cursor))
    except (ValueError, BSONError):
        raise BadCursor("That cursor is not one of ours.") from None
    if steps.keys() != set(keys) or not all(type(value) in _SCALARS for value in steps.values()):
        raise BadCursor("That cursor is not one of this list.")
    return [steps[key] for key in keys]  # BSON moves `_id` to the front


@dataclass(slots=True)
class Edge(Generic[T]):
    node: T
    keys: tuple[str, ...]

    @property
    def cursor(self) -> str:
        values = {key: getattr(self.node, "id" if key == "_id" else key) for key in self.keys}
        return urlsafe_b64encode(bson.encode(values)).decode()


@dataclass(slots=True)
class Page(Generic[T]):
    """One page of a list; it is its own page info."""

    edges: Sequence[Edge[T]]
    has_next_page: bool
    has_previous_page: bool

    @property
    def nodes(self) -> list[T]:
        return [edge.node for edge in self.edges]

    @property
    def page_info(self) -> "Page[T]":
        return self

    @property
    def start_cursor(self) -> str | None:
        return self.edges[0].cursor if self.edges else None

    @property
    def end_cursor(self) -> str | None:
        return self.edges[-1].cursor if self.edges else None


def nothing() -> Page[Any]:
    """The page of an empty list."""
    return Page([], has_next_page=False, has_previous_page=False)


def page(rows: Sequence[T], args: PageArgs, order: Order = NEWEST) -> Page[T]:
    """Turn `first` + 1 rows into a page; the extra row only proves that there is more."""
    edges = [Edge(row, order.keys) for row in rows[: args.first]]
    return Page(edges, len(rows) > args.first, args.after is not None)
