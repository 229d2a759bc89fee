"""Since when an answer must have been begun."""

from bson import ObjectId

from app.core.answers import versions
from app.core.answers.versions import LONGEST, Versions


def test_an_answer_holds_from_the_last_change_of_its_names_on() -> None:
    known = Versions()
    known.begin(10)
    known.changed(["a"], ObjectId(), 12)
    assert not known.hold(["b"], 9, 0)
    assert known.hold(["b"], 10, 0)
    assert not known.hold(["a", "b"], 11, 0)
    assert known.hold(["a", "b"], 12, 0)


def test_what_is_forgotten_is_taken_for_as_new_as_it_may_be() -> None:
    known = Versions()
    known.begin(0)
    for position in range(1, versions.KNOWN + 3):
        known.changed([f"name {position}"], ObjectId(), position)
    assert not known.hold(["name 1"], 1, 0)
    assert known.hold(["name 1"], 2, 0)
    assert not known.hold([f"name {versions.KNOWN + 2}"], versions.KNOWN + 1, 0)


def test_what_was_told_here_holds_nothing_until_it_is_heard_or_too_old_to_matter() -> None:
    known, event, later = Versions(), ObjectId(), ObjectId()
    known.told(["a"], event, 100.0)
    assert not known.hold(["a"], 1_000, 100.0)
    assert known.hold(["b"], 1_000, 100.0)
    assert known.hold(["a"], 1_000, 100.0 + LONGEST)
    known.told(["a"], later, 101.0)
    known.changed(["a"], event, 5)
    assert not known.hold(["a"], 1_000, 102.0), "the later one is not heard yet"
    known.changed(["a"], later, 6)
    assert not known.hold(["a"], 5, 102.0)
    assert known.hold(["a"], 6, 102.0)


def test_when_too_much_was_told_nothing_holds_for_a_while() -> None:
    known = Versions()
    for number in range(versions.KNOWN + 1):
        known.told([f"name {number}"], ObjectId(), 0.0)
    assert not known.hold(["anything"], 1, LONGEST - 1)
    assert known.hold(["anything"], 1, LONGEST)
