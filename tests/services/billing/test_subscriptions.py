"""Whatever is done to a subscription, in whatever order: its states are those that are declared, and the money adds up.

BILLING_EXAMPLES and BILLING_STEPS make it longer.
"""

import asyncio
import os
from collections.abc import Coroutine
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from beanie import init_beanie
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from app.core import changes, clock, database
from app.core.actor import Actor
from app.core.errors import AppError
from app.models import DOCUMENTS, ENTITLED, OPEN, Collection, Invoice, Subscription, SubscriptionState
from app.services.billing.invoicing import inputs
from app.services.billing.selling.lifecycle import SUBSCRIPTION
from app.services.billing.subscribing import subscriptions
from app.services.billing.subscribing.subscriptions import (
    Cancellation,
    NewSubscription,
    Pause,
    SubscriptionAction,
    When,
)
from app.services.billing.subscribing.subscriptions import SubscriptionRevision as Revision
from tests.chaos.billing.town import BEGIN, USE, Town, moment, tell_the_time

EXAMPLES, STEPS = int(os.environ.get("BILLING_EXAMPLES", "5")), int(os.environ.get("BILLING_STEPS", "25"))
WHEN = st.sampled_from(When)
NEXT = {
    (SubscriptionState(source), SubscriptionState(t.target))
    for t in SUBSCRIPTION.transitions.values()
    for source in t.sources
}

_loop: asyncio.AbstractEventLoop


class SubscriptionMachine(RuleBasedStateMachine):
    """A customer of a seller with three plans; the model is what the machine declares, and the seller's book."""

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """What it answers; None when it is refused."""

        async def at_its_time() -> Any:
            moment.set(self.now)
            try:
                return await work
            except AppError as error:
                self.refused = error.code
                return None

        return _loop.run_until_complete(at_its_time())

    @initialize(seed=st.integers(0, 10_000), renews=st.booleans(), collection=st.sampled_from(Collection))
    def begin(self, seed: int, renews: bool, collection: Collection) -> None:
        self.now, self.dice, self.refused = BEGIN, Random(seed), ""
        self.town: Town = self._run(Town.found(self.dice))
        self.customer: Actor = self._run(self.town.customer())
        price = self.dice.choice(self.town.prices)
        new = NewSubscription(price_id=price.id, renews=renews, collection=collection)
        made = self._run(subscriptions.subscribe(self.customer, new))
        self.id, self.state = made.subscription.id, SubscriptionState.INCOMPLETE

    @rule(hours=st.one_of(st.integers(1, 30), st.integers(24 * 20, 24 * 40)))
    def wait(self, hours: int) -> None:
        self.now += timedelta(hours=hours)
        self._seen()
        while self._run(self._due()):
            self._run(self.town.tick(self.dice))
            self._seen(many=True)

    async def _due(self) -> bool:
        row = await self._row()
        return row.next_at is not None and row.next_at <= self.now

    @rule(price=st.integers(0, 5), seats=st.integers(1, 9), when=WHEN)
    def change(self, price: int, seats: int, when: When) -> None:
        given = Revision(subscription_id=self.id, price_id=self.town.prices[price].id, seats=seats, when=when)
        self._run(self.town.change(self.customer, given))

    @rule(days=st.one_of(st.none(), st.integers(1, 60)))
    def pause(self, days: int | None) -> None:
        until = None if days is None else self.now + timedelta(days=days)
        self._run(subscriptions.pause(self.customer, Pause(subscription_id=self.id, resumes_at=until)))

    @rule(verb=st.sampled_from(["resume", "renew", "keep"]))
    def go_on(self, verb: str) -> None:
        self._run(getattr(subscriptions, verb)(self.customer, SubscriptionAction(subscription_id=self.id)))

    @rule(when=WHEN, sure=st.integers(0, 3))
    def cancel(self, when: When, sure: int) -> None:
        if not sure:  # it would be over too soon
            self._run(subscriptions.cancel(self.customer, Cancellation(subscription_id=self.id, when=when)))

    @rule(units=st.integers(1, 900), hours=st.integers(0, 30))
    def use(self, units: int, hours: int) -> None:
        moment.set(self.now)
        USE.used[self.town.meter, self.customer.user_id or self.id].append((self.now - timedelta(hours=hours), units))

    @rule()
    def collect(self) -> None:
        self._run(self.town.collect(self.dice))

    async def _row(self) -> Subscription:
        return await Subscription.require(Actor.platform(self.town.seller.organization_id), self.id)

    def _seen(self, *, many: bool = False) -> None:
        """Its state follows from the last one that was seen by declared transitions, by one of them or by many."""
        row: Subscription = self._run(self._row())
        reached: set[SubscriptionState] = {self.state}
        while more := {t for s, t in NEXT if s in reached} - reached:
            reached |= more
            if not many:
                break
        assert row.state in reached
        self.state = row.state

    @invariant()
    def adds_up(self) -> None:
        row: Subscription = self._run(self._row())
        self._seen(many=True)
        assert (row.state in OPEN) == (row.ended_at is None)
        assert row.starts_at < row.ends_at
        assert row.metered_from <= row.ends_at
        if row.state in ENTITLED:
            assert row.next_at is not None
        assert self.town.problems == []
        assert self._run(self.town.check()) == []

    def teardown(self) -> None:
        if hasattr(self, "town"):
            found = self._run(Invoice.select(Actor.platform(self.town.seller.organization_id)))
            assert all(one.subscription_id == self.id for one in found)


async def _connect(uri: str, name: str) -> None:
    database.connect(uri, name)
    await init_beanie(database.database(), document_models=DOCUMENTS)
    await changes.prepare()


@pytest.mark.timeout(200)
def test_subscriptions_in_whatever_order(mongodb_uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    global _loop
    monkeypatch.setattr(database, "_client", None)
    monkeypatch.setattr(clock, "source", tell_the_time)
    monkeypatch.setattr(inputs, "read_usage", USE.total)
    monkeypatch.setattr(inputs, "close_usage", USE.close)
    _loop = asyncio.new_event_loop()
    name = "atrium_test_subscriptions"
    _loop.run_until_complete(_connect(mongodb_uri, name))
    try:
        run_state_machine_as_test(
            SubscriptionMachine,
            settings=settings(
                max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, suppress_health_check=list(HealthCheck)
            ),
        )
    finally:
        _loop.run_until_complete(database.client().drop_database(name))
        _loop.run_until_complete(database.close())
        _loop.close()
