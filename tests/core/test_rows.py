from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import pytest
from bson import ObjectId, decode, encode

from app.core.rows import Row, Value, codec


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(slots=True)
class Size(Value):
    width: int
    unit: str = "cm"
    marks: list[int] = field(default_factory=list)


class Box(Row):
    collection = "boxes"

    label: str
    colour: Colour
    sizes: list[Size] = []
    lid: Size | None = None
    owner: ObjectId | None = None
    colours: list[Colour] = []

    @property
    def shout(self) -> str:
        return self.label.upper()


ID = ObjectId()
STORED: dict[str, Any] = {
    "_id": ID,
    "label": "a",
    "colour": "red",
    "sizes": [{"width": 1, "unit": "m", "marks": [3]}],
    "lid": {"width": 2, "unit": "cm", "marks": []},
    "owner": None,
    "colours": ["blue"],
}


def test_a_row_is_what_its_annotations_say() -> None:
    row = Box.decode(STORED)
    assert (row.id, row.label, row.colour, row.shout) == (ID, "a", Colour.RED, "A")
    assert row.sizes == [Size(1, "m", [3])]
    assert row.lid == Size(2)
    assert row.colours == [Colour.BLUE]


def test_encoding_is_the_inverse_of_decoding() -> None:
    assert Box.decode(STORED).encode() == STORED
    assert decode(encode(Box.decode(STORED).encode())) == STORED


def test_a_projection_reads_no_more_than_it_names() -> None:
    projection, read = Box.plan(frozenset({"label"}))
    row = read({"_id": ID, "label": "a"})
    assert projection == {"_id": 1, "label": 1}
    assert row.label == "a"
    with pytest.raises(AttributeError):
        _ = row.sizes


def test_a_plan_is_made_once() -> None:
    assert Box.plan(frozenset({"label"})) is Box.plan(frozenset({"label"}))


def test_documents_from_before_a_column_have_its_default_each_its_own() -> None:
    old = {"_id": ID, "label": "a", "colour": "blue"}
    one, other = Box.decode(old), Box.decode(old)
    one.sizes.append(Size(1))
    assert other.sizes == []
    first, second = Box.decode(old | {"lid": {"width": 3}}).lid, Box.decode(old | {"lid": {"width": 3}}).lid
    assert first == Size(3, "cm") == second
    assert first
    assert second
    first.marks.append(1)
    assert second.marks == []


def test_a_column_without_default_must_be_there() -> None:
    with pytest.raises(KeyError):
        Box.decode({"_id": ID, "label": "a"})


def test_an_unknown_member_of_an_enum_is_not_passed_on() -> None:
    with pytest.raises(KeyError):
        Box.decode({"_id": ID, "label": "a", "colour": "green"})


@pytest.mark.parametrize(
    ("hint", "value"),
    [
        (Box, Box.decode(STORED)),
        (list[Colour], [Colour.RED]),
        (Size | None, None),
        (Size | None, Size(4)),
        (bool, True),
    ],
)
def test_answers_survive_storage(hint: Any, value: Any) -> None:
    write, read = codec(hint)
    again = read(decode(encode({"v": write(value)}))["v"])
    assert (again.encode() == value.encode()) if isinstance(value, Row) else again == value
