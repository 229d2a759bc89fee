"""Ids and the time in them."""

import pytest

from app.core import clock


def test_an_id_tells_when_it_was_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "_last", 0)
    monkeypatch.setattr(clock, "source", lambda: 1_700_000_000.987654)
    assert clock.time_of(clock.new_id()) == clock.now()


def test_a_derived_id_is_always_the_same_and_sorts_by_the_moment_of_its_source() -> None:
    before, source = clock.new_id(), clock.new_id()
    derived = clock.derived_id(source, "ada")
    assert derived == clock.derived_id(source, "ada")
    assert len({derived, source, clock.derived_id(source, "grace"), clock.derived_id(before, "ada")}) == 4
    assert clock.time_of(derived) == clock.time_of(source)
    assert before.binary[:6] <= derived.binary[:6] == source.binary[:6]
