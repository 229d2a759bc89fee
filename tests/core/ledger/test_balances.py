"""PAY-1: what was in an account, as it was known then and as it is known now."""

from datetime import timedelta

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
