"""R71: whatever is done to a book, in whatever order, it agrees with a model of a few lines.

LEDGER_EXAMPLES and LEDGER_STEPS make it longer: 50 and 2,000 are the long form of `make chaos`.
"""

import os
from collections.abc import Coroutine
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from app.core import ledger
from app.core.actor import Actor
from app.core.clock import new_id
from app.core.errors import AppError
from app.core.ledger import Bound, Leg, Transfer
from tests import machines
from tests.core.ledger.books import Book
from tests.machines import check

EXAMPLES, STEPS = int(os.environ.get("LEDGER_EXAMPLES", "5")), int(os.environ.get("LEDGER_STEPS", "60"))
NAMES = ("ada", "bob", "cash", "bank")
BOUNDS = {"ada": Bound.CREDIT, "bob": Bound.CREDIT, "cash": Bound.DEBIT, "bank": Bound.NONE}
AMOUNTS = st.integers(1, 100)
ACCOUNTS = st.permutations(NAMES).map(lambda names: names[:2])


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """What it answers; None when it is refused."""

    async def refusable() -> Any:
        try:
            return await work
        except AppError:
            return None

    return machines.run(refusable())


class LedgerMachine(RuleBasedStateMachine):
    """The model: what each account has and what of it is held, and the holds that are open."""

    holds: Bundle[Transfer | None] = Bundle("holds")
    moves: Bundle[Transfer | None] = Bundle("moves")

    @initialize()
    def begin(self) -> None:
        self.book = Book(Actor.platform(new_id()))
        for name in NAMES:
            run(self.book.open(name, bound=BOUNDS[name]))
        self.posted, self.held, self.coming = (dict.fromkeys(NAMES, 0) for _ in range(3))
        self.open: dict[Any, tuple[str, str, int]] = {}
        self.undone: set[Any] = set()

    @rule(target=moves, pair=ACCOUNTS, amount=AMOUNTS)
    def transfer(self, pair: list[str], amount: int) -> Transfer | None:
        payer, payee = pair
        moved: Transfer | None = run(ledger.transfer(self.book.actor, self._wanted(pair, amount)))
        assert (moved is not None) == self._may(payer, payee, amount)
        if moved:
            self._move(payer, payee, amount)
        return moved

    @rule(target=holds, pair=ACCOUNTS, amount=AMOUNTS)
    def hold(self, pair: list[str], amount: int) -> Transfer | None:
        payer, payee = pair
        held: Transfer | None = run(ledger.hold(self.book.actor, self._wanted(pair, amount)))
        assert (held is not None) == self._may(payer, payee, amount)
        if held:
            self.held[payer] += amount
            self.coming[payee] += amount
            self.open[held.id] = payer, payee, amount
        return held

    @rule(target=moves, one=holds, part=st.integers(1, 120))
    def settle(self, one: Transfer | None, part: int) -> Transfer | None:
        if one is None:
            return None
        found = self.open.get(one.id)
        legs = [Leg(p.account_id, part if p.amount > 0 else -part) for p in one.postings]
        moved: Transfer | None = run(ledger.settle(self.book.actor, one.id, key=str(new_id()), legs=legs))
        assert (moved is not None) == (found is not None and part <= found[2])
        if found and moved:
            self._free(one)
            self._move(found[0], found[1], part)
        return moved

    @rule(one=holds)
    def void(self, one: Transfer | None) -> None:
        if one is not None:
            freed = run(ledger.void(self.book.actor, one.id, key=str(new_id())))
            assert (freed is not None) == (one.id in self.open)
            if freed:
                self._free(one)

    @rule(one=moves)
    def reverse(self, one: Transfer | None) -> None:
        if one is not None:
            amounts = {self._name(p.account_id): p.amount for p in one.postings}
            payee, payer = sorted(amounts, key=lambda name: amounts[name])
            amount = amounts[payer]
            back = run(ledger.reverse(self.book.actor, one.id, key=str(new_id())))
            assert (back is not None) == (one.id not in self.undone and self._may(payer, payee, amount))
            if back:
                self.undone.add(one.id)
                self._move(payer, payee, amount)

    @rule(one=moves)
    def repeat(self, one: Transfer | None) -> None:
        if one is not None and not (one.settles_id or one.reverses_id):
            wanted = ledger.Transferring(
                key=one.key, kind=one.kind, legs=[Leg(p.account_id, p.amount) for p in one.postings]
            )
            assert run(ledger.transfer(self.book.actor, wanted)).id == one.id

    @invariant()
    def agrees(self) -> None:
        if hasattr(self, "book"):
            for name in NAMES:
                figures = self.posted[name], self.held[name], self.coming[name]
                assert run(self.book.figures(name)) == figures, name

    def teardown(self) -> None:
        if hasattr(self, "book"):
            assert run(self.book.faults()) == []

    def _wanted(self, pair: list[str], amount: int) -> ledger.Transferring:
        return self.book.wanted(None, dict(zip(pair, (-amount, amount), strict=True)))

    def _may(self, payer: str, payee: str, amount: int) -> bool:
        short = BOUNDS[payer] is Bound.CREDIT and self.posted[payer] - self.held[payer] < amount
        full = BOUNDS[payee] is Bound.DEBIT and self.posted[payee] + self.coming[payee] + amount > 0
        return not short and not full

    def _move(self, payer: str, payee: str, amount: int) -> None:
        self.posted[payer] -= amount
        self.posted[payee] += amount

    def _free(self, one: Transfer) -> None:
        payer, payee, amount = self.open.pop(one.id)
        self.held[payer] -= amount
        self.coming[payee] -= amount

    def _name(self, id: Any) -> str:
        return next(name for name, known in self.book.ids.items() if known == id)


def test_a_book_agrees_with_its_model(mongodb_uri: str) -> None:
    check(LedgerMachine, mongodb_uri, examples=EXAMPLES, steps=STEPS)
