"""The Coinbase of the tests refuses what its reference does not have."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.integrations.coinbase_client import Signed
from tests.coinbase.server import PLACE, Coinbase

CHECKOUT = {"amount": "10.00", "currency": "USD"}


@pytest.fixture
async def server() -> AsyncIterator[Coinbase]:
    async with Coinbase.running() as server:
        yield server


@pytest.fixture
async def http(server: Coinbase) -> AsyncIterator[httpx.AsyncClient]:
    signed = Signed(*(server.environment[name] for name in ("COINBASE_KEY_ID", "COINBASE_KEY_SECRET")))
    async with httpx.AsyncClient(base_url=server.url, auth=signed) as http:
        yield http


@pytest.mark.parametrize(
    "change",
    [
        {"amount": "10.001"},
        {"amount": "0.00"},
        {"currency": "INR"},
        {"description": "d" * 501},
        {"metadata": {str(n): "" for n in range(21)}},
        {"metadata": {"key": "v" * 101}},
        {"name": "Course"},
    ],
)
async def test_what_the_reference_does_not_allow_is_refused(
    http: httpx.AsyncClient, server: Coinbase, change: dict[str, Any]
) -> None:
    answer = await http.post(PLACE, json={**CHECKOUT, **change})
    assert (answer.status_code, answer.json()["errorType"]) == (400, "invalid_request")
    assert server.checkouts == {}


async def test_a_key_has_to_be_a_uuid_and_makes_a_checkout_once(http: httpx.AsyncClient, server: Coinbase) -> None:
    assert (await http.post(PLACE, json=CHECKOUT, headers={"X-Idempotency-Key": "1"})).status_code == 400
    headers = {"X-Idempotency-Key": "8e03978e-40d5-43e8-bc93-6894a57f9324"}
    first, again = [(await http.post(PLACE, json=CHECKOUT, headers=headers)).json() for _ in range(2)]
    assert first["id"] == again["id"]
    assert len(server.checkouts) == 1


async def test_a_checkout_is_over_once_and_for_all(http: httpx.AsyncClient, server: Coinbase) -> None:
    made = (await http.post(PLACE, json=CHECKOUT)).json()
    assert (made["amount"], made["currency"], made["fiatAmount"]) == ("10.00", "USDC", "10.00")
    server.pay(made["id"])
    assert (await http.post(f"{PLACE}/{made['id']}/deactivate", json={})).status_code == 400
    assert (await http.get(f"{PLACE}/{made['id']}")).json()["status"] == "COMPLETED"
    refund = {"amount": "10.01", "currency": "USD"}
    assert (await http.post(f"{PLACE}/{made['id']}/refund", json=refund)).status_code == 400
    assert (await http.get(f"{PLACE}/another")).status_code == 404
