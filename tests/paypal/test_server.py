"""The PayPal of the tests refuses what its reference does not have, and signs what it tells."""

import copy
import zlib
from base64 import b64decode
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from tests.paypal.orders import MEANS
from tests.paypal.server import CLIENT_ID, SECRET, WEBHOOK, PayPal, written


def money(currency: str, value: str) -> dict[str, Any]:
    return {"amount": {"currency_code": currency, "value": value}}


UNIT = money("USD", "10.00")
ORDER: dict[str, Any] = {"intent": "CAPTURE", "purchase_units": [UNIT]}


@pytest.fixture
async def server() -> AsyncIterator[PayPal]:
    async with PayPal.running() as server:
        yield server


@pytest.fixture
async def http(server: PayPal) -> AsyncIterator[httpx.AsyncClient]:
    server.tokens.add("token")
    headers = {"Authorization": "Bearer token", "PayPal-Request-Id": "1"}
    async with httpx.AsyncClient(base_url=server.url, headers=headers) as http:
        yield http


@pytest.mark.parametrize(
    ("change", "status", "issue"),
    [
        ({"intent": None}, 400, "INVALID_STRING_LENGTH"),
        ({"notes": {}}, 400, "INVALID_PARAMETER_SYNTAX"),
        ({"purchase_units": [{}]}, 400, "MISSING_REQUIRED_PARAMETER"),
        ({"purchase_units": [{**UNIT, "custom_id": "c" * 128}]}, 400, "INVALID_STRING_LENGTH"),
        ({"purchase_units": [money("JPY", "10.00")]}, 422, "DECIMAL_PRECISION"),
        ({"purchase_units": [money("USD", "0.00")]}, 422, "CANNOT_BE_ZERO_OR_NEGATIVE"),
        ({"purchase_units": [money("KWD", "1.00")]}, 422, "CURRENCY_NOT_SUPPORTED"),
        ({"payment_source": {"paypal": {"vault": {}}}}, 400, "INVALID_PARAMETER_SYNTAX"),
    ],
)
async def test_what_the_reference_does_not_allow_is_refused(
    http: httpx.AsyncClient, server: PayPal, change: dict[str, Any], status: int, issue: str
) -> None:
    answer = await http.post("/v2/checkout/orders", json={**copy.deepcopy(ORDER), **change})
    assert (answer.status_code, answer.json()["details"][0]["issue"]) == (status, issue)
    assert server.state.all("order") == []


async def test_who_has_the_secret_gets_a_token_and_who_has_a_token_an_answer(server: PayPal) -> None:
    async with httpx.AsyncClient(base_url=server.url) as http:
        assert (await http.get("/v2/checkout/orders/1")).status_code == 401
        form = {"grant_type": "client_credentials"}
        assert (await http.post("/v1/oauth2/token", data=form, auth=(CLIENT_ID, "no"))).status_code == 401
        given = (await http.post("/v1/oauth2/token", data=form, auth=(CLIENT_ID, SECRET))).json()
        by = {"Authorization": f"Bearer {given['access_token']}"}
        assert (await http.get("/v2/checkout/orders/1", headers=by)).status_code == 404


async def test_a_key_makes_an_order_once_and_a_decline_is_no_answer_for_it(
    http: httpx.AsyncClient, server: PayPal
) -> None:
    source = {"payment_source": {"paypal": {"experience_context": {"return_url": "http://127.0.0.1"}}}}
    first, again = [(await http.post("/v2/checkout/orders", json=ORDER | source)).json()["id"] for _ in range(2)]
    assert first == again
    for means, status in (("poor", 422), ("wallet", 200), ("wallet", 200)):
        if means == "poor" or not server.orders.captures(first):
            server.orders.approve(first, means)
        assert (await http.post(f"/v2/checkout/orders/{first}/capture", json={})).status_code == status
    other = await http.post(f"/v2/checkout/orders/{first}/capture", json={}, headers={"PayPal-Request-Id": "2"})
    assert other.json()["details"][0]["issue"] == "ORDER_ALREADY_CAPTURED"
    assert len(server.orders.captures(first)) == 1


async def test_what_it_tells_is_signed_by_the_certificate_that_it_names(
    http: httpx.AsyncClient, server: PayPal
) -> None:
    token = server.orders.save("somebody", MEANS["wallet"])
    [event] = server.events
    assert event["resource"]["id"] == token["id"]
    body = written(event)
    headers = server.signed(body)
    pem = (await http.get(headers["paypal-cert-url"])).content
    key = x509.load_pem_x509_certificates(pem)[0].public_key()
    assert isinstance(key, RSAPublicKey)
    said = [headers[f"paypal-transmission-{name}"] for name in ("id", "time")]
    message = "|".join([*said, WEBHOOK, str(zlib.crc32(body))]).encode()
    key.verify(b64decode(headers["paypal-transmission-sig"]), message, PKCS1v15(), SHA256())
