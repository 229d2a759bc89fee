from itertools import count
from typing import Annotated

import pytest
from bson import ObjectId
from pydantic import ValidationError

from app.core.commands import Command, Ref, open_id
from app.core.errors import NotFound


class Rename(Command):
    course_id: Annotated[ObjectId, Ref("Course")]
    name: str


ID = ObjectId()


@pytest.mark.parametrize("given", [ID, f"Course_{ID}"], ids=count())
def test_a_reference_is_an_id_or_a_global_id(given: object) -> None:
    assert Rename.model_validate({"course_id": given, "name": "a"}).course_id == ID


@pytest.mark.parametrize(
    "given", [f"User_{ID}", str(ID), "Course_", "Course_xyz", "", None, 1, {"$ne": None}], ids=count()
)
def test_anything_else_names_nothing(given: object) -> None:
    with pytest.raises(ValidationError, match="There is no such Course"):
        Rename.model_validate({"course_id": given, "name": "a"})


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(ValidationError):
        Rename.model_validate({"course_id": ID, "name": "a", "organization_id": ID})


def test_another_types_global_id_is_not_found() -> None:
    with pytest.raises(NotFound):
        open_id(f"User_{ID}", "Course")
