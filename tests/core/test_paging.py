from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from itertools import count

import bson
import pytest
from bson import Code, Int64, ObjectId, Regex

from app.core.errors import BadCursor, Invalid
from app.core.paging import NEWEST, Order, PageArgs, page
from app.core.rows import Row

BY_NAME = Order(("name", "_id"), descending=False)


class Item(Row):
    collection = "items"
    name: str


def items(*names: str) -> list[Item]:
    return [Item.decode({"_id": ObjectId(), "name": name}) for name in names]


def cursor(values: object) -> str:
    return urlsafe_b64encode(bson.encode(values)).decode()  # type: ignore[arg-type]


def test_the_extra_row_only_proves_that_there_is_more() -> None:
    full = page(items("a", "b", "c"), PageArgs(2))
    assert ([row.name for row in full.nodes], full.has_next_page) == (["a", "b"], True)
    assert not page(items("a", "b"), PageArgs(2)).has_next_page


@pytest.mark.parametrize("first", [0, -1, 101, 100_000])
def test_a_page_beyond_the_limit_is_refused_not_cut(first: int) -> None:
    with pytest.raises(Invalid):
        PageArgs(first)


def test_a_cursor_continues_after_its_row() -> None:
    [row] = items("a")
    [edge] = page([row], PageArgs(1), BY_NAME).edges
    assert BY_NAME.after(edge.cursor) == {"$or": [{"name": {"$gt": "a"}}, {"name": "a", "_id": {"$gt": row.id}}]}


@pytest.mark.parametrize(
    "forged",
    [
        "",
        "xyz",
        "%%%",
        cursor({}),
        cursor({"_id": {"$gt": ""}}),
        cursor({"_id": Code("1")}),
        cursor({"_id": Regex("a")}),
        cursor({"_id": None}),
        cursor({"_id": [1]}),
        cursor({"name": "a"}),
        cursor({"_id": ObjectId(), "more": 1}),
        cursor({"_id": ObjectId()})[:-4],
    ],
    ids=count(),
)
def test_a_forged_cursor_is_refused(forged: str) -> None:
    with pytest.raises(BadCursor):
        NEWEST.after(forged)


@pytest.mark.parametrize("value", [ObjectId(), "a", 1, Int64(1), datetime(2026, 1, 1, tzinfo=UTC)])
def test_scalars_pass(value: object) -> None:
    assert NEWEST.after(cursor({"_id": value}))["_id"].keys() == {"$lt"}
