"""Whatever is done to an escrow by whomever, it agrees with a model of a few lines, and no more leaves it than it got.

ESCROW_EXAMPLES and ESCROW_STEPS make it longer.
"""

import os
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from app.core.clock import now
from app.core.errors import AppError
from app.models import Escrow
from app.services.ledger import escrows, pay_rules
from app.services.ledger.escrows import EscrowAction, EscrowDispute, EscrowRefund, EscrowRelease, EscrowRuling
from app.services.ledger.pay_rules import PayRulesUpdate
from tests.machines import check, run
from tests.services.ledger.school import School

EXAMPLES, STEPS = int(os.environ.get("ESCROW_EXAMPLES", "4")), int(os.environ.get("ESCROW_STEPS", "25"))
WHO = st.sampled_from(["buyer", "seller", "owner"])
OPEN, OVER = ("funded", "in_progress", "submitted"), ("released", "refunded", "split", "closed")
RATE, HAS = 333, 100_000


def happens(work: Coroutine[Any, Any, Any]) -> bool:
    """Whether it is not refused."""

    async def refusable() -> bool:
        try:
            await work
        except AppError:
            return False
        return True

    return bool(run(refusable()))


class EscrowMachine(RuleBasedStateMachine):
    """The model: the state, what has gone to whom, and the milestones that are left."""

    @initialize(milestones=st.lists(st.integers(1, 999), min_size=1, max_size=4))
    def begin(self, milestones: list[int]) -> None:
        self.school = run(School.open())
        run(self.school.fill("wallet", self.school.buyer, HAS))
        run(pay_rules.update(self.school.owner, PayRulesUpdate(escrow_fee_rate=RATE)))
        self.milestones, self.price = milestones, sum(milestones)
        self.id = run(self.school.escrow(*milestones, funded=False))
        self.action = EscrowAction(escrow_id=self.id)
        self.state, self.released, self.returned = "awaiting_funding", 0, 0

    @property
    def left(self) -> int:
        return self.price - self.released - self.returned

    def does(self, who: str, *doers: str, states: tuple[str, ...], work: Coroutine[Any, Any, Any]) -> bool:
        """Whether it happens, which it does if the state and the person are right."""
        may = who in doers and self.state in states
        assert happens(work) == may, (self.state, who)
        return may

    @rule(who=WHO)
    def fund(self, who: str) -> None:
        if self.does(who, "buyer", states=("awaiting_funding",), work=escrows.fund(self.who(who), self.action)):
            self.state = "funded"

    @rule(who=WHO, really=st.integers(0, 9))
    def close(self, who: str, really: int) -> None:
        if self.state != "awaiting_funding" or really == 0:
            work = escrows.close(self.who(who), self.action)
            if self.does(who, "buyer", "seller", states=("awaiting_funding",), work=work):
                self.state = "closed"

    @rule(who=WHO)
    def start(self, who: str) -> None:
        if self.does(who, "seller", states=("funded",), work=escrows.begin(self.who(who), self.action)):
            self.state = "in_progress"

    @rule(who=WHO)
    def submit(self, who: str) -> None:
        work = escrows.submit(self.who(who), self.action)
        if self.does(who, "seller", states=("funded", "in_progress"), work=work):
            self.state = "submitted"

    @rule(who=WHO)
    def ask_for_changes(self, who: str) -> None:
        work = escrows.ask_for_changes(self.who(who), self.action)
        if self.does(who, "buyer", states=("submitted",), work=work):
            self.state = "in_progress"

    @rule(who=WHO, amount=st.integers(1, 1_500))
    def release(self, who: str, amount: int) -> None:
        given = EscrowRelease(escrow_id=self.id, amount=amount)
        states = OPEN if amount <= self.left else ()
        if self.does(who, "buyer", states=states, work=escrows.release(self.who(who), given)):
            self._release(amount)

    @rule(who=WHO, milestone=st.integers(1, 5))
    def release_milestone(self, who: str, milestone: int) -> None:
        given = EscrowRelease(escrow_id=self.id, milestone=milestone)
        amount = sum(self.milestones[:milestone]) - self.released
        states = OPEN if milestone <= len(self.milestones) and amount > 0 else ()
        if self.does(who, "buyer", states=states, work=escrows.release(self.who(who), given)):
            self._release(amount)

    @rule(late=st.booleans())
    def time_passes(self, late: bool) -> None:
        run(escrows.time_out(self.school.platform, self.id, now() + timedelta(days=4 if late else 2)))
        if late and self.state == "submitted":
            reached = [sum(self.milestones[: n + 1]) for n in range(len(self.milestones))]
            self._release(next(one for one in reached if one > self.released) - self.released)

    @rule(who=WHO)
    def refund(self, who: str) -> None:
        if self.does(who, "seller", states=OPEN, work=escrows.refund(self.who(who), EscrowRefund(escrow_id=self.id))):
            self.state, self.returned = "refunded", self.returned + self.left

    @rule(who=WHO)
    def dispute(self, who: str) -> None:
        given = EscrowDispute(escrow_id=self.id, about="It is late.")
        if self.does(who, "buyer", "seller", states=OPEN, work=escrows.dispute(self.who(who), given)):
            self.state = "disputed"

    @rule(who=WHO, amount=st.one_of(st.integers(0, 1_500), st.just(-1)))
    def rule_on_it(self, who: str, amount: int) -> None:
        to_seller = self.left if amount < 0 else amount
        given = EscrowRuling(escrow_id=self.id, seller_amount=to_seller)
        states = ("disputed",) if to_seller <= self.left else ()
        if self.does(who, "owner", states=states, work=escrows.rule(self.who(who), given)):
            self.state = {self.left: "released", 0: "refunded"}.get(to_seller, "split")
            self.returned += self.left - to_seller
            self.released += to_seller

    @invariant()
    def agrees(self) -> None:
        if hasattr(self, "school"):
            row = run(Escrow.require(self.school.platform, self.id))
            assert (row.state.value, row.released, row.returned) == (self.state, self.released, self.returned)
            in_it = 0 if self.state in ("awaiting_funding", "closed") else self.left
            assert run(self.school.has("escrow", self.id)) == in_it
            gone = 0 if self.state in ("awaiting_funding", "closed") else self.price
            assert run(self.school.has("wallet", self.school.buyer)) == HAS - gone + self.returned
            fee = (self.released * RATE + 5_000) // 10_000 if (self.released * RATE) % 10_000 != 5_000 else row.fee
            assert row.fee == fee == run(self.school.has("fees"))
            assert run(self.school.has("earnings", self.school.seller)) == self.released - row.fee
            assert (in_it == 0) or self.state not in OVER

    def teardown(self) -> None:
        if hasattr(self, "school"):
            assert run(self.school.faults()) == []

    def who(self, name: str) -> Any:
        return getattr(self.school, name)

    def _release(self, amount: int) -> None:
        self.state = "released" if amount == self.left else "in_progress"
        self.released += amount


def test_an_escrow_agrees_with_its_model(mongodb_uri: str) -> None:
    check(EscrowMachine, mongodb_uri, examples=EXAMPLES, steps=STEPS)
