"""An organization that sells by a vendor of the tests: what it asks for, and what it is told."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar

from app.core import ledger
from app.core.actor import Actor
from app.core.clock import new_id
from app.core.money import Money
from app.models import CustomerKind, Payment, PaymentState, Provider
from app.services.billing.collecting import reconciliation
from app.services.billing.paying import payments, provider_events
from app.services.billing.paying.customers import Customer
from app.services.billing.paying.payments import NewCharge, NewCheckout
from tests.integrations.vendor import Thing, Vendor, Webhook
from tests.jobs.working import Worker
from tests.world import until

URL = "http://127.0.0.1:8000"
EACH = 5
"""How often each event is delivered."""
AT_ONCE = 8
PATIENCE = 60.0
"""Seconds."""


@dataclass
class Shop:
    """`webhook` holds back what the vendor has to tell, until it is delivered."""

    provider: ClassVar[Provider]
    price: ClassVar[Money]
    kind: ClassVar[str]
    """The field of an event that says of which type it is."""

    vendor: Vendor
    worker: Worker
    webhook: Webhook
    seller: Actor = field(default_factory=lambda: Actor.platform(new_id()))

    def customer(self) -> Customer:
        return Customer(self.seller, CustomerKind.PERSON, new_id())

    def buyer(self, customer: Customer) -> Actor:
        return Actor(self.seller.organization_id, customer.id)

    async def charge(self, customer: Customer, key: str | None = None, amount: Money | None = None) -> Payment:
        name = key or str(new_id())
        new = NewCharge(
            key=name, customer_kind=customer.kind, customer_id=customer.id, amount=amount or self.price,
            reference=f"Renewal_{name}",
        )  # fmt: skip
        return await payments.charge(self.seller, new)

    async def checkout(self, customer: Customer, *, save: bool = False, amount: Money | None = None) -> Payment:
        key = str(new_id())
        new = NewCheckout(
            key=key, customer_kind=customer.kind, customer_id=customer.id, amount=amount or self.price,
            reference=f"Order_{key}",
            success_url=URL, cancel_url=URL, save_method=save, provider=self.provider,
        )  # fmt: skip
        return (await payments.begin_checkout(self.seller, new)).payment

    async def reaches(self, payment: Payment, state: PaymentState) -> Payment:
        """The payment as soon as it is in a state."""

        async def reached() -> Payment | None:
            found = await self.row(payment)
            return found if found.state is state else None

        found: Payment = await until(reached, PATIENCE)
        return found

    async def row(self, payment: Payment) -> Payment:
        return await Payment.require(self.seller, payment.id)

    def held(self, *types: str) -> list[Thing]:
        """What the vendor has to tell and has not, the oldest first; or only that of these types."""
        of = [event for event in self.webhook.backlog if event[self.kind].startswith(types or ("",))]
        self.webhook.backlog = [event for event in self.webhook.backlog if event not in of]
        return of

    async def deliver(self, events: Sequence[Thing], rng: random.Random | None = None) -> None:
        """Tell of events: each once and in order, or, by chance, often and out of order, several at once."""
        if rng is None:
            for event in events:
                await self.receive(event)
            return
        many = [event for event in events for _ in range(EACH)]
        rng.shuffle(many)
        turns = asyncio.Semaphore(AT_ONCE)

        async def one(event: Thing) -> None:
            async with turns:
                await self.receive(event)

        await asyncio.gather(*(one(event) for event in many))

    async def receive(self, event: Thing) -> bool:
        """Deliver one event, signed as the vendor does."""
        return await provider_events.receive(self.provider, *self.vendor.letter(event))

    async def reconcile(self) -> Mapping[str, int]:
        return await reconciliation.reconcile(self.provider, settling=timedelta(0))

    async def check_book(self, money: Mapping[str, int]) -> None:
        """So much of each currency is in the book, which has no fault."""
        assert self.seller.organization_id
        assert await ledger.faults(self.seller.organization_id) == []
        for currency, amount in money.items():
            clearing = await ledger.open_account(self.seller, "clearing:payments", currency)
            assert clearing.posted == amount
