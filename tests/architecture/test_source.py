"""Rules of the source, and bad samples that they must catch."""

from pathlib import Path

import pytest

from tests.architecture.source import MAX_LINES, MAY_LOOK_UP, ROOT, VAGUE, files, look_ups

ALL = files("app", "tests", "scripts", "benchmarks")
INSIDE = [path for path in files("app") if not path.relative_to(ROOT).as_posix().startswith(MAY_LOOK_UP)]


def test_the_source_is_here() -> None:
    assert len(ALL) > 200
    assert len(INSIDE) > 80


def test_a_file_holds_one_thing() -> None:
    long = {str(path.relative_to(ROOT)): n for path in ALL if (n := len(path.read_text().splitlines())) >= MAX_LINES}
    assert long == {}


def test_names_say_what_is_inside() -> None:
    vague = [path for path in ALL if {path.stem, *path.relative_to(ROOT).parts} & VAGUE]
    assert vague == []


def test_only_rows_speak_to_mongodb() -> None:
    """ORG-1: a query that goes past the rows may forget the tenant."""
    found = {str(path.relative_to(ROOT)): calls for path in INSIDE if (calls := list(look_ups(path.read_text())))}
    assert found == {}


@pytest.mark.parametrize(
    "bad",
    [
        "from app.core.database import collection",
        "from app.core.database import database",
        "from app.core.queries import find",
        "await queries.find(users, {'a': 1})",
        "await UserDocument.find({'a': 1}).to_list()",
        "await UserDocument.find_one({'a': 1})",
        "await UserDocument.get_pymongo_collection().find({})",
        "await collection('users').find({}).to_list()",
        "await database['users'].find({}).to_list()",
        "await database['users'].delete_many({})",
        "await anything.aggregate([])",
        "await anything.count_documents({})",
        "await self.users.find_one({})",
    ],
)
def test_a_look_up_past_the_rows_is_caught(bad: str) -> None:
    assert list(look_ups(bad))


@pytest.mark.parametrize(
    "good",
    [
        "await conversations.find(actor, id)",
        "await User.lookup(actor, _id=id)",
        "await Message.page(actor, page, {})",
        "'text'.find('x')",
        "from app.core.database import Document",
        "replace(row, a=1)",
    ],
)
def test_a_look_up_through_the_rows_is_not(good: str) -> None:
    assert list(look_ups(good)) == []


def test_nothing_names_the_machine_it_was_made_on() -> None:
    assert Path(__file__).parents[2] == ROOT
    named = [str(path) for path in ALL if "/ho" + "me/" in path.read_text() or "/ro" + "ot/" in path.read_text()]
    assert named == []
