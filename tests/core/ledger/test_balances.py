"""PAY-1: what was in an account, as it was known then and as it is known now."""

from datetime import datetime, timedelta

import pytest

from app.core import clock, ledger
from app.core.clock import now
from tests.core.ledger.books import Book

DAY = timedelta(days=1)


async def test_balances_by_when_they_were_booked_and_from_when_they_count(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, seconds = now(), clock.source()
    monkeypatch.setattr(clock, "source", lambda: seconds)
    await book.open("ada")
    await book.fill("ada", 100)
    monkeypatch.setattr(clock, "source", lambda: seconds + 10 * 86_400)
    wanted = book.wanted(None, {"bank": -30, "ada": 30})
    late = ledger.Transferring(
        **{name: getattr(wanted, name) for name in ("key", "kind", "legs")}, value_at=start - DAY
    )
    await ledger.transfer(book.actor, late)  # it should have been known before the first
    held = await book.hold(ada=-20, bank=20)

    async def posted(**moments: object) -> int:
        return (await ledger.balance(book.actor, book.ids["ada"], **moments)).posted  # type: ignore[arg-type]

    assert await ledger.balance(book.actor, book.ids["ada"]) == ledger.Balance(130, 20, "EUR")
    assert await posted(known_at=start + DAY) == 100
    assert await posted(known_at=start - DAY) == 0
    assert await posted(valued_by=start - DAY) == 30
    assert await posted(valued_by=start - DAY, known_at=start + DAY) == 0
    assert await posted(valued_by=start + DAY) == 130
    await ledger.settle(book.actor, held.id, key="settled")
    assert await posted() == 110
    assert await posted(valued_by=start + DAY) == 130


async def test_of_what_was_booked_in_one_millisecond_the_last_counts(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = clock.source()
    monkeypatch.setattr(clock, "source", lambda: seconds)
    await book.open("ada")
    for _ in range(5):
        await book.fill("ada", 1)
    assert (await ledger.balance(book.actor, book.ids["ada"], known_at=now())).posted == 5


async def test_every_moment_of_a_history_has_its_balance(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    await book.open("ada")
    seconds, moments = clock.source(), []
    for step in (0, 1, 0, 0, 3, 1, -2, 5, 0, 1):  # with a process whose clock is behind by two seconds among them
        seconds += step
        monkeypatch.setattr(clock, "source", lambda seconds=seconds: seconds)
        await book.fill("ada", 1)
        moments.append(now())

    async def known(moment: datetime) -> int:
        return (await ledger.balance(book.actor, book.ids["ada"], known_at=moment)).posted

    assert [await known(moments[n]) for n in (0, 1, 3, 4, 7, 8, 9)] == [1, 4, 4, 5, 9, 9, 10]
    assert [await known(moments[0] - DAY), await known(moments[-1] + DAY)] == [0, 10]
