"""PAY-1: what one account loses another gains, whatever happens at once; nobody spends what they have not."""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from bson import ObjectId

from app.core import changes, ledger, origin
from app.core.actor import Actor
from app.core.changes import envelope, scope
from app.core.clock import new_id
from app.core.errors import KeyReused, NotFound
from app.core.ledger import AlreadySettled, Bound, Leg, TooLittle
from app.core.ledger.posting import AlreadyReversed
from app.core.money import MOST, OutOfRange
from app.core.origin import Door, Origin
from tests.core.ledger.books import Book


async def test_an_account_is_opened_once(book: Book) -> None:
    person = new_id()
    opened = [ledger.open_account(book.actor, "wallet", "EUR", holder_id=person) for _ in range(20)]
    assert len({one.id for one in await asyncio.gather(*opened)}) == 1
    other = await ledger.open_account(book.actor, "wallet", "USD", holder_id=person)
    assert other.id != (await ledger.open_account(book.actor, "wallet", "EUR", holder_id=person)).id


async def test_what_one_loses_another_gains(book: Book) -> None:
    await book.open("ada", "fees", "teacher")
    await book.fill("ada", 1_000)
    moved = await book.move(ada=-1_000, teacher=900, fees=100)
    assert [(one.amount, one.entry, one.balance) for one in moved.postings] == [
        (-1_000, 2, 0),
        (900, 1, 900),
        (100, 1, 100),
    ]
    assert await book.figures("ada") == (0, 0, 0)
    assert await book.faults() == []


async def test_nobody_spends_what_they_have_not(book: Book) -> None:
    await book.open("ada", "bob")
    await book.fill("ada", 100)
    with pytest.raises(TooLittle) as refused:
        await book.move(ada=-101, bob=101)
    assert refused.value.details["available"] == 100
    await book.open("cash", bound=Bound.DEBIT)
    with pytest.raises(TooLittle):
        await book.move(ada=-1, cash=1)
    await book.move(cash=-50, bob=50)
    with pytest.raises(TooLittle):
        await book.move(cash=51, bob=-51)
    assert await book.faults() == []


async def test_what_is_held_cannot_be_spent_and_is_moved_once(book: Book) -> None:
    await book.open("ada", "bob")
    await book.fill("ada", 100)
    held = await book.hold(ada=-80, bob=80)
    assert await book.figures("ada") == (100, 80, 0)
    assert await book.figures("bob") == (0, 0, 80)
    with pytest.raises(TooLittle):
        await book.move(ada=-21, bob=21)
    await ledger.settle(book.actor, held.id, key="a", legs=book.legs(ada=-50, bob=50))
    assert await book.figures("ada") == (50, 0, 0)
    assert await book.figures("bob") == (50, 0, 0)
    for again in (ledger.settle, ledger.void):
        with pytest.raises(AlreadySettled):
            await again(book.actor, held.id, key="b")
    freed = await book.hold(ada=-50, bob=50)
    await ledger.void(book.actor, freed.id, key="c")
    assert await book.figures("ada") == (50, 0, 0)
    assert await book.faults() == []


async def test_no_more_is_moved_than_is_held(book: Book) -> None:
    await book.open("ada", "bob", "eve")
    await book.fill("ada", 100)
    held = await book.hold(ada=-80, bob=80)
    for legs in (book.legs(ada=-81, bob=81), book.legs(ada=80, bob=-80), book.legs(ada=-80, eve=80), book.legs(ada=0)):
        with pytest.raises(TooLittle):
            await ledger.settle(book.actor, held.id, key="a", legs=legs)
    with pytest.raises(ValueError, match="balance"):
        await ledger.settle(book.actor, held.id, key="a", legs=book.legs(ada=-80, bob=79))
    assert await book.figures("ada") == (100, 80, 0)


async def test_the_same_key_is_the_same_transfer(book: Book) -> None:
    await book.open("ada", "bob")
    await book.fill("ada", 100)
    wanted = book.wanted("once", {"ada": -10, "bob": 10})
    written = await asyncio.gather(*(ledger.transfer(book.actor, wanted) for _ in range(50)))
    assert len({one.id for one in written}) == 1
    assert await book.figures("bob") == (10, 0, 0)
    with pytest.raises(KeyReused):
        await book.move("once", ada=-11, bob=11)
    with pytest.raises(KeyReused):
        await book.hold("once", ada=-10, bob=10)
    other = Book(Actor.platform(new_id()))
    await other.open("ada", "bob", bound=Bound.NONE)
    assert (await other.move("once", ada=-11, bob=11)).id not in {one.id for one in written}
    held = await book.hold(ada=-10, bob=10)
    assert len({(await ledger.settle(book.actor, held.id, key="settled")).id for _ in range(2)}) == 1


async def test_nothing_is_edited_but_reversed_once(book: Book) -> None:
    await book.open("ada", "bob")
    await book.fill("ada", 100)
    moved = await book.move(ada=-100, bob=100)
    back = await ledger.reverse(book.actor, moved.id, key="back", memo="By mistake.")
    assert (back.reverses_id, back.kind) == (moved.id, "move")
    assert await book.figures("ada") == (100, 0, 0)
    with pytest.raises(AlreadyReversed):
        await ledger.reverse(book.actor, moved.id, key="again")
    with pytest.raises(NotFound):
        await ledger.reverse(book.actor, (await book.hold(ada=-1, bob=1)).id, key="held")
    assert await book.faults() == []


async def test_what_makes_no_transfer_is_refused(book: Book) -> None:
    await book.open("ada", "bob", bound=Bound.NONE)
    await book.open("dollars", bound=Bound.NONE, currency="USD")
    wrong: list[dict[str, int]] = [{"ada": 1}, {"ada": 1, "bob": 1}, {"ada": 0, "bob": 0}, {"ada": -1, "dollars": 1}]
    for amounts in wrong:
        with pytest.raises(ValueError, match="leg"):
            await ledger.transfer(book.actor, book.wanted(None, amounts))
    with pytest.raises(ValueError, match="leg"):
        await ledger.transfer(book.actor, replace(book.wanted(None, {}), legs=[*book.legs(ada=1), *book.legs(ada=-1)]))
    stranger = Leg(new_id(), 1)
    with pytest.raises(NotFound):
        await ledger.transfer(book.actor, replace(book.wanted(None, {}), legs=[*book.legs(ada=-1), stranger]))
    other = Book(Actor.platform(new_id()))
    await other.open("theirs", bound=Bound.NONE)
    with pytest.raises(NotFound):
        await ledger.transfer(
            book.actor, replace(book.wanted(None, {}), legs=[*book.legs(ada=-1), *other.legs(theirs=1)])
        )
    with pytest.raises(OutOfRange):
        await book.move(ada=-MOST - 1, bob=MOST + 1)
    await book.move(ada=-MOST, bob=MOST)
    with pytest.raises(OutOfRange):
        await book.move(ada=-1, bob=1)
    assert await book.faults() == []


async def test_of_those_that_arrive_together_each_is_refused_alone(book: Book) -> None:
    await book.open("ada", "bob")
    await book.fill("ada", 100)
    answers = await asyncio.gather(*(book.move(ada=-30, bob=30) for _ in range(20)), return_exceptions=True)
    assert [type(one).__name__ for one in answers].count("TooLittle") == 17
    assert await book.figures("bob") == (90, 0, 0)
    assert await book.faults() == []


async def test_in_a_scope_several_are_one_step(book: Book) -> None:
    await book.open("ada", "bob")
    await book.fill("ada", 100)

    @changes.atomic
    async def both(second: int) -> None:
        await book.move(ada=-60, bob=60)
        await book.move(ada=-second, bob=second)

    with pytest.raises(TooLittle):
        await both(41)
    assert await book.figures("ada") == (100, 0, 0)
    await both(40)
    assert await book.figures("ada") == (0, 0, 0)
    rehearsal = await changes.rehearse(lambda: book.move(bob=-1, ada=1))
    assert [type(event).__name__ for event in rehearsal.events] == ["Transferred"]
    assert await book.figures("bob") == (100, 0, 0)
    assert await book.faults() == []


async def test_scopes_that_want_one_account_take_their_turns(book: Book) -> None:
    await book.open("fees", *(f"p{n}" for n in range(8)))
    for n in range(8):
        await book.fill(f"p{n}", 5)

    @changes.atomic
    async def pay(n: int) -> None:
        await ledger.transfer(book.actor, book.wanted(None, {f"p{n}": -1, "fees": 1}))

    await asyncio.gather(*(pay(n) for n in range(8) for _ in range(5)))
    assert await book.figures("fees") == (40, 0, 0)
    assert await book.faults() == []


async def test_what_is_told_comes_from_who_asked(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    await book.open("ada", "bob")
    await book.fill("ada", 100)
    packed: list[str] = []
    before = envelope.pack

    async def pack(events: Any, images: Any, origins: Mapping[ObjectId, Origin]) -> Any:
        packed.extend(origins[event.id].id for event in events)
        return await before(events, images, origins)

    monkeypatch.setattr(scope, "pack", pack)

    async def ask(n: int) -> None:
        with origin.coming(Origin(Door.GRAPHQL, f"request-{n}")):
            await book.move(ada=-1, bob=1)

    await asyncio.gather(*(ask(n) for n in range(5)))
    assert sorted(packed) == [f"request-{n}" for n in range(5)]


async def test_a_thousand_at_once_lose_and_make_nothing(book: Book) -> None:
    """R70 without faults: transfers, holds, settlements and voids, a fifth of them sent twice, one account hot."""
    chance = random.Random(70)
    names = [f"p{n}" for n in range(20)]
    await book.open(*names, "hot")
    for name in (*names, "hot"):
        await book.fill(name, 1_000)

    async def one(n: int) -> None:
        payer, payee = chance.sample([*names, "hot", "hot"], 2)
        if payer == payee:
            return
        wanted, last = book.wanted(f"op-{n}", {payer: -(a := chance.randrange(1, 400)), payee: a}), chance.random()
        for _ in range(1 + (chance.random() < 0.2)):
            try:
                if last < 0.5:
                    await ledger.transfer(book.actor, wanted)
                else:
                    held = await ledger.hold(book.actor, wanted)
                    end = ledger.settle if last < 0.8 else ledger.void
                    await end(book.actor, held.id, key=f"end-{n}")
            except TooLittle:
                pass

    await asyncio.gather(*(one(n) for n in range(1_000)))
    assert await book.faults() == []
    figures = [await book.figures(name) for name in (*names, "hot")]
    assert sum(posted for posted, _, _ in figures) == 21_000
    assert all(posted >= 0 and (held, coming) == (0, 0) for posted, held, coming in figures)
    sums = await book.sums()
    assert {name: sums[book.ids[name]] for name in names} == {
        name: f[0] for name, f in zip(names, figures, strict=False)
    }
