"""What Atrium takes Stripe to do, call by call of the port: of the Stripe of the tests, and of Stripe itself.

`make test-stripe-live STRIPE_SECRET_KEY=sk_test_...` asks Stripe, in test mode, and makes customers and payments there.
"""

import os
import secrets
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
import stripe as sdk
from stripe import StripeClient

from app.core.clock import now
from app.core.settings import settings
from app.integrations import stripe
from app.integrations.payments import About, Labels, MethodKind, Order, Refused, Stage, Unknown
from tests.stripe.server import KEY, Stripe

LIVE_KEY = os.environ.get("STRIPE_TEST_KEY", "")
SERVERS = ["here", *(["live"] if LIVE_KEY else [])]
HOME = "https://atrium.example/"


@dataclass
class Customer:
    """Somebody at Stripe, and what their browser does there."""

    ref: str
    labels: Labels
    v1: Any

    async def save(self, card: str = "pm_card_visa") -> str:
        """Save a card, and answer the method's reference."""
        setup = await stripe.setup(self.ref, MethodKind.CARD, self.labels, new_key())
        assert setup.stage is not Stage.SUCCEEDED
        assert setup.secret.startswith(f"{setup.ref}_secret_")
        await self.v1.setup_intents.confirm_async(setup.ref, {"payment_method": card, "return_url": HOME})
        seen = await stripe.setup_seen(setup.ref)
        assert (seen.stage, seen.labels) == (Stage.SUCCEEDED, self.labels)
        assert seen.method_ref
        return seen.method_ref

    def order(self, amount: int = 1_999, currency: str = "EUR") -> Order:
        return Order(
            amount=amount, currency=currency, description="A lesson", labels=self.labels, customer_ref=self.ref
        )


def new_key() -> str:
    return secrets.token_hex(12)


@pytest.fixture(params=SERVERS)
async def ada(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Customer]:
    if request.param == "live":
        assert LIVE_KEY.startswith(("sk_test_", "rk_test_")), "no real money moves by a test"
        monkeypatch.setenv("STRIPE_SECRET_KEY", LIVE_KEY)
        settings.cache_clear()
        yield await _customer(StripeClient(LIVE_KEY, http_client=sdk.HTTPXClient()))
        return
    async with Stripe.running() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        settings.cache_clear()
        addresses: Any = {"api": server.url}
        yield await _customer(StripeClient(KEY, base_addresses=addresses, http_client=sdk.HTTPXClient()))


async def _customer(client: StripeClient) -> Customer:
    labels = {"organization": secrets.token_hex(12), "payment": secrets.token_hex(12)}
    return Customer(await stripe.customer(labels, new_key()), labels, client.v1)


async def test_a_key_makes_one_customer(ada: Customer) -> None:
    key = new_key()
    assert await stripe.customer(ada.labels, key) == await stripe.customer(ada.labels, key)
    with pytest.raises(Refused):
        await stripe.customer({**ada.labels, "payment": "another"}, key)


async def test_a_saved_card_is_charged_once_while_its_owner_is_away(ada: Customer) -> None:
    card = await ada.save()
    method = await stripe.method(card)
    assert (method.brand, method.last4, method.attached, method.labels) == ("visa", "4242", True, ada.labels)
    key = new_key()
    ready = await stripe.prepare(ada.order(), card, key)
    assert ready.stage is Stage.OPEN
    assert (await stripe.prepare(ada.order(), card, key)).ref == ready.ref
    for _ in range(2):
        paid = await stripe.confirm(ready.ref, f"{key}/confirm")
        assert (paid.stage, paid.amount, paid.currency, paid.labels) == (Stage.SUCCEEDED, 1_999, "EUR", ada.labels)
    assert await stripe.payment(ready.ref) == paid
    assert (await stripe.confirm(ready.ref, new_key())).stage is Stage.SUCCEEDED, "by another key, too"
    assert (await stripe.cancel(ready.ref)).stage is Stage.SUCCEEDED
    await stripe.forget_method(card)
    assert not (await stripe.method(card)).attached


@pytest.mark.parametrize(("amount", "currency"), [(500, "JPY"), (1_990, "EUR"), (12_340, "KWD")])
async def test_amounts_are_counted_as_stripe_counts_them(ada: Customer, amount: int, currency: str) -> None:
    ready = await stripe.prepare(ada.order(amount, currency), await ada.save(), new_key())
    assert (ready.amount, ready.currency) == (amount, currency)
    assert (await stripe.cancel(ready.ref)).stage is Stage.CANCELLED


@pytest.mark.parametrize(
    ("card", "code", "hard"),
    [("pm_card_chargeCustomerFail", "generic_decline", False), ("pm_card_authenticationRequired", "", False)],
)
async def test_what_is_declined_is_told_from_what_needs_its_owner(
    ada: Customer, card: str, code: str, hard: bool
) -> None:
    if card == "pm_card_authenticationRequired":
        attached = await ada.v1.payment_methods.attach_async(card, {"customer": ada.ref})
        method = attached.id
    else:
        method = await ada.save(card)
    ready = await stripe.prepare(ada.order(), method, new_key())
    seen = await stripe.confirm(ready.ref, new_key())
    if code:
        assert (seen.stage, seen.code, seen.hard) == (Stage.FAILED, code, hard)
    else:
        assert seen.stage is not Stage.SUCCEEDED
        assert seen.code == "authentication_required"


async def test_money_goes_back_up_to_what_was_paid(ada: Customer) -> None:
    ready = await stripe.prepare(ada.order(), await ada.save(), new_key())
    await stripe.confirm(ready.ref, new_key())
    key, labels = new_key(), {**ada.labels, "refund": secrets.token_hex(12)}
    part = await stripe.refund(ready.ref, 999, "EUR", labels, key)
    assert (part.stage, part.amount, part.currency, part.labels) == (Stage.SUCCEEDED, 999, "EUR", labels)
    assert (await stripe.refund(ready.ref, 999, "EUR", labels, key)).ref == part.ref
    assert await stripe.refund_seen(part.ref) == part
    with pytest.raises(Refused):
        await stripe.refund(ready.ref, 1_001, "EUR", labels, new_key())
    await stripe.refund(ready.ref, 1_000, "EUR", labels, new_key())
    assert sorted(one.amount for one in await stripe.refunds(ready.ref)) == [999, 1_000]


async def test_a_page_is_open_until_it_is_closed(ada: Customer) -> None:
    page = await stripe.page(ada.order(), f"{HOME}done", f"{HOME}back", save=True, key=new_key())
    assert (page.stage, page.labels) == (Stage.OPEN, ada.labels)
    assert page.url
    assert (await stripe.page_seen(page.ref)).stage is Stage.OPEN
    for _ in range(2):
        assert (await stripe.close_page(page.ref)).stage in (Stage.FAILED, Stage.CANCELLED)
    assert (await stripe.portal(ada.ref, HOME)).startswith("http")


async def test_what_has_happened_can_be_read_again(ada: Customer) -> None:
    ready = await stripe.prepare(ada.order(), await ada.save(), new_key())
    await stripe.confirm(ready.ref, new_key())
    ends = time.monotonic() + 30
    while time.monotonic() < ends:
        told = [one for one in await stripe.notices(now() - timedelta(minutes=5)) if one.object_ref == ready.ref]
        if "payment_intent.succeeded" in {one.type for one in told}:
            break
    assert {stripe.about(one.type) for one in told} == {About.PAYMENT}
    assert "payment_intent.succeeded" in {one.type for one in told}


async def test_what_is_not_there_is_unknown(ada: Customer) -> None:
    for ask in (
        stripe.payment("pi_3NotThereAtAllNotThere"),
        stripe.setup_seen("seti_1NotThereAtAllNotThere"),
        stripe.method("pm_1NotThereAtAllNotThere"),
        stripe.page_seen("cs_test_NotThereAtAllNotThere"),
        stripe.refund_seen("re_3NotThereAtAllNotThere"),
        stripe.dispute("dp_1NotThereAtAllNotThere"),
    ):
        with pytest.raises(Unknown):
            await ask
