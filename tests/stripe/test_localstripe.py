"""Where localstripe knows the calls that the Stripe of the tests knows, both answer the same."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import httpx
import pytest
import stripe
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from stripe import StripeClient

from app.core.settings import settings
from app.integrations import stripe_webhooks
from app.integrations.payments import BadSignature
from tests.integrations.serving import serving
from tests.stripe.localstripe import localstripe
from tests.stripe.server import KEY, SECRET, Stripe

Seen = dict[str, Any]


@pytest.fixture(scope="module")
def theirs() -> Iterator[str]:
    with localstripe() as url:
        yield url


def client(url: str) -> StripeClient:
    addresses: Any = {"api": url}
    return StripeClient(KEY, base_addresses=addresses, http_client=stripe.HTTPXClient(), max_network_retries=0)


async def customers(v1: Any) -> Seen:
    made = await v1.customers.create_async({"name": "Ada", "email": "ada@example.com", "metadata": {"a": "1"}})
    changed = await v1.customers.update_async(made.id, {"name": "Grace", "metadata": {"b": "2"}})
    found = await v1.customers.retrieve_async(made.id)
    gone = await v1.customers.delete_async(made.id)
    shown = [(one.object, one.name, one.email, one.metadata.to_dict()) for one in (made, changed, found)]
    return {"customers": shown, "deleted": (gone.id == made.id, gone.deleted)}


async def saved_cards(v1: Any) -> Seen:
    customer = await v1.customers.create_async({"name": "Ada"})
    setup = await v1.setup_intents.create_async({"customer": customer.id, "usage": "off_session"})
    done = await v1.setup_intents.confirm_async(setup.id, {"payment_method": "pm_card_visa"})
    method = await v1.payment_methods.attach_async("pm_card_visa", {"customer": customer.id})
    listed = await v1.payment_methods.list_async({"customer": customer.id, "type": "card"})
    off = await v1.payment_methods.detach_async(method.id)
    other = await v1.setup_intents.create_async({"customer": customer.id})
    cancelled = await v1.setup_intents.cancel_async(other.id)
    return {
        "setups": [
            (one.object, one.status, one.usage, one.customer == customer.id) for one in (setup, done, cancelled)
        ],
        "secret": setup.client_secret.startswith(f"{setup.id}_secret_"),
        "card": (method.type, method.card.brand, method.card.last4, method.customer == customer.id),
        "listed": method.id in [one.id for one in listed.data],
        "detached": off.customer,
    }


async def payments(v1: Any) -> Seen:
    customer = await v1.customers.create_async({"name": "Ada"})
    method = await v1.payment_methods.attach_async("pm_card_visa", {"customer": customer.id})
    wanted = {"amount": 500, "currency": "eur", "customer": customer.id, "payment_method": method.id}
    paid = await v1.payment_intents.create_async({**wanted, "confirm": True, "metadata": {"a": "1"}})
    part = await v1.refunds.create_async({"payment_intent": paid.id, "amount": 200, "metadata": {"b": "2"}})
    found = await v1.refunds.retrieve_async(part.id)
    left = await v1.payment_intents.create_async(wanted)
    off = await v1.payment_intents.cancel_async(left.id)
    return {
        "paid": (paid.object, paid.status, paid.amount, paid.currency, paid.metadata.to_dict()),
        "secret": paid.client_secret.startswith(f"{paid.id}_secret_"),
        "refunds": [
            (one.object, one.status, one.amount, one.currency, one.metadata.to_dict()) for one in (part, found)
        ],
        "open": left.status,
        "cancelled": off.status,
    }


async def refusals(v1: Any) -> Seen:
    customer = await v1.customers.create_async({"name": "Ada"})
    calls: dict[str, Callable[[], Awaitable[object]]] = {
        "no such customer": lambda: v1.customers.retrieve_async("cus_nobody"),
        "no such payment": lambda: v1.payment_intents.retrieve_async("pi_nothing"),
        "no such refund": lambda: v1.refunds.retrieve_async("re_nothing"),
        "an unknown parameter": lambda: v1.customers.create_async({"nmae": "Ada"}),
        "no currency": lambda: v1.payment_intents.create_async({"amount": 500}),
        "no amount": lambda: v1.payment_intents.create_async({"currency": "eur"}),
        "a card that is declined": lambda: v1.payment_methods.attach_async(
            "pm_card_visa_chargeDeclined", {"customer": customer.id}
        ),
    }
    return {name: await _refused(call) for name, call in calls.items()}


async def _refused(call: Callable[[], Awaitable[object]]) -> tuple[int | None, str]:
    with pytest.raises(stripe.StripeError) as refused:
        await call()
    return refused.value.http_status, type(refused.value).__name__


@pytest.mark.parametrize("script", [customers, saved_cards, payments, refusals], ids=lambda script: script.__name__)
async def test_both_answer_the_same(script: Callable[[Any], Awaitable[Seen]], theirs: str) -> None:
    async with Stripe.running() as ours:
        assert await script(client(ours.url).v1) == await script(client(theirs).v1)


async def test_what_they_sign_is_believed_and_nothing_else(theirs: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIPE_SECRET_KEY", KEY)
    monkeypatch.setenv("STRIPE_WEBHOOK_SECRETS", SECRET)
    settings.cache_clear()
    heard: asyncio.Queue[tuple[bytes, dict[str, str]]] = asyncio.Queue()

    async def hear(request: Request) -> Response:
        heard.put_nowait((await request.body(), dict(request.headers)))
        return Response()

    async with serving(Starlette(routes=[Route("/", hear, methods=["POST"])])) as url:
        async with httpx.AsyncClient() as http:
            await http.post(f"{theirs}/_config/webhooks/ours", json={"url": url, "secret": SECRET})
        made = await client(theirs).v1.customers.create_async({"name": "Ada"})
        while True:  # of others it may tell late
            body, headers = await asyncio.wait_for(heard.get(), 20)
            notice = stripe_webhooks.told(body, headers)
            if notice.object_ref == made.id:
                break
    assert notice.type == "customer.created"
    with pytest.raises(BadSignature):
        stripe_webhooks.told(body.replace(b"Ada", b"Bob"), headers)
