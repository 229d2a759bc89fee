"""Cursors say nothing, fit one feed, and cannot be made up."""

import secrets
from base64 import urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.changes import cursors
from app.core.errors import BadCursor, ResyncRequired

FEED = ["u:1", "c:2"]


@given(epoch=st.integers(0, 2**32 - 1), position=st.integers(0, 2**63 - 1), feed=st.lists(st.text(), max_size=5))
def test_a_cursor_comes_back_as_its_position(epoch: int, position: int, feed: list[str]) -> None:
    cursor = cursors.seal(epoch, position, feed)
    assert len(cursor) == 22
    assert cursors.unseal(cursor, epoch, reversed(feed)) == position


def test_neighbours_look_nothing_alike() -> None:
    first, second = (cursors.seal(1, position, FEED) for position in (1, 2))
    assert sum(a == b for a, b in zip(first, second, strict=True)) < 8


@pytest.mark.parametrize("feed", [["u:1"], ["u:1", "c:2", "c:3"], [], ["u:1c:2"], ["u:2", "c:1"]])
def test_it_fits_no_other_feed(feed: list[str]) -> None:
    with pytest.raises(BadCursor):
        cursors.unseal(cursors.seal(1, 7, FEED), 1, feed)


def test_another_epoch_asks_for_a_resync() -> None:
    with pytest.raises(ResyncRequired):
        cursors.unseal(cursors.seal(1, 7, FEED), 2, FEED)


@pytest.mark.parametrize(
    "text",
    ["", "7", "A" * 21, "A" * 23, "A" * 22, "é" * 22, "!" * 22, "=" * 22, "\0" * 22, "A" * 20 + "==", " " + "A" * 21],
)
def test_what_was_not_made_here_is_refused(text: str) -> None:
    with pytest.raises(BadCursor):
        cursors.unseal(text, 1, FEED)


def test_forged_and_altered_ones_are_refused() -> None:
    cursor = cursors.seal(1, 7, FEED)
    for place in range(22):
        for letter in "AQgw_-9z":
            altered = cursor[:place] + letter + cursor[place + 1 :]
            if altered != cursor:
                with pytest.raises(BadCursor):
                    cursors.unseal(altered, 1, FEED)
    for _ in range(1_000):
        with pytest.raises(BadCursor):
            cursors.unseal(urlsafe_b64encode(secrets.token_bytes(16)).decode().rstrip("="), 1, FEED)
