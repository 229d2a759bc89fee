"""The Stripe of the tests is as strict as stripe-python's own types, and answers in the shape of Stripe's fixtures."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import stripe
from stripe import StripeClient

from tests.integrations.vendor import Fault
from tests.stripe import parameters
from tests.stripe.server import KEY, Stripe
from tests.stripe.state import FIXTURES

MORE = {"failure_reason"}
"""What Stripe's fixtures leave out: a refund has it when it has failed."""


@pytest.fixture
async def server() -> AsyncIterator[Stripe]:
    async with Stripe.running() as server:
        yield server


@pytest.fixture
def client(server: Stripe) -> StripeClient:
    addresses: Any = {"api": server.url}
    return StripeClient(KEY, base_addresses=addresses, http_client=stripe.HTTPXClient(), max_network_retries=0)


async def test_every_type_of_parameters_is_read(server: Stripe) -> None:
    for name in server.routes.params:
        kind = parameters.named(name)
        assert parameters.decoded("") == {}
        hints, _ = parameters._hints(kind)
        assert hints.keys() <= set(kind.__annotations__)


@pytest.mark.parametrize(
    ("path", "form", "param"),
    [
        ("/v1/customers", "nmae=Ada", "nmae"),
        ("/v1/payment_intents", "amount=1", "currency"),
        ("/v1/payment_intents", "amount=1.5&currency=eur", "amount"),
        ("/v1/payment_intents", "amount=1&currency=eur&confirm=maybe", "confirm"),
        ("/v1/checkout/sessions", "line_items[0][price_data][unit]=1", "line_items[0][price_data][unit]"),
        ("/v1/checkout/sessions", "payment_intent_data[off_session]=true", "payment_intent_data[off_session]"),
    ],
)
async def test_what_stripes_types_do_not_allow_is_refused(server: Stripe, path: str, form: str, param: str) -> None:
    async with httpx.AsyncClient(headers={"authorization": f"Bearer {KEY}"}) as http:
        headers = {"content-type": "application/x-www-form-urlencoded"}
        answer = await http.post(server.url + path, content=form, headers=headers)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


async def test_a_key_is_one_request(server: Stripe, client: StripeClient) -> None:
    first = await client.v1.customers.create_async({"name": "Ada"}, {"idempotency_key": "1"})
    again = await client.v1.customers.create_async({"name": "Ada"}, {"idempotency_key": "1"})
    assert again.id == first.id
    with pytest.raises(stripe.IdempotencyError):
        await client.v1.customers.create_async({"name": "Grace"}, {"idempotency_key": "1"})
    server.faults.append(Fault("POST", "/v1/customers", "error"))
    for _ in range(2):  # its first answer is kept, be it an error
        with pytest.raises(stripe.APIError):
            await client.v1.customers.create_async({"name": "Ada"}, {"idempotency_key": "2"})
    assert len(server.state.all("customer")) == 2


async def test_answers_have_the_shape_of_stripes_fixtures(server: Stripe, client: StripeClient) -> None:
    customer = await client.v1.customers.create_async({"name": "Ada"})
    setup = await client.v1.setup_intents.create_async(
        {"customer": customer.id, "allowed_payment_method_types": ["card"]}
    )
    await client.v1.setup_intents.confirm_async(setup.id, {"payment_method": "pm_card_visa"})
    methods = await client.v1.payment_methods.list_async({"customer": customer.id})
    for card in (methods.data[0].id, "pm_card_createDispute"):
        wanted: Any = {"amount": 500, "currency": "eur", "customer": customer.id, "payment_method": card}
        wanted["confirm"] = True
        intent = await client.v1.payment_intents.create_async(wanted)
        assert intent.status == "succeeded"
    first = server.state.all("payment_intent")[-1]["id"]
    await client.v1.refunds.create_async({"payment_intent": first, "amount": 200})
    with pytest.raises(stripe.InvalidRequestError):
        await client.v1.refunds.create_async({"payment_intent": first, "amount": 301})
    with pytest.raises(stripe.CardError) as declined:
        wanted["payment_method"] = "pm_card_chargeDeclinedLostCard"
        await client.v1.payment_intents.create_async(wanted)
    assert declined.value.error
    assert declined.value.error.decline_code == "lost_card"
    for thing in server.state.things.values():
        fixture = FIXTURES["deleted_customer" if thing.get("deleted") else thing["object"]]
        assert set(thing) - MORE - {"account"} == set(fixture) - {"account"}, thing["object"]
    listed = await client.v1.events.list_async({"limit": 3})
    assert listed.has_more
    assert [one.type async for one in listed.auto_paging_iter()] == [one["type"] for one in reversed(server.events)]
