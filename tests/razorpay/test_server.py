"""The Razorpay of the tests refuses what its reference does not have, and tells of things as it is asked to."""

from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.integrations.serving import serving
from tests.integrations.vendor import Webhook
from tests.razorpay.payouts import ACCOUNT
from tests.razorpay.server import KEY_ID, KEY_SECRET, Razorpay, signed
from tests.razorpay.state import SHAPES
from tests.world import until

ORDER = {"amount": 100, "currency": "INR"}
PAYOUT = {**ORDER, "account_number": ACCOUNT, "fund_account_id": "fa_1", "mode": "IMPS", "purpose": "payout"}


@pytest.fixture
async def server() -> AsyncIterator[Razorpay]:
    async with Razorpay.running() as server:
        yield server


@pytest.fixture
async def http(server: Razorpay) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=server.url, auth=(KEY_ID, KEY_SECRET)) as http:
        yield http


@pytest.mark.parametrize(
    ("path", "given", "field"),
    [
        ("/v1/orders", {"amount": 100}, "currency"),
        ("/v1/orders", {"amount": "100", "currency": "INR"}, "amount"),
        ("/v1/orders", {**ORDER, "receipt": "r" * 41}, "receipt"),
        ("/v1/orders", {**ORDER, "notes": {str(n): "" for n in range(16)}}, "notes"),
        ("/v1/orders", {**ORDER, "metadata": {}}, None),
        ("/v1/customers", {"name": "Ada"}, "name"),
        ("/v1/contacts", {"name": "A#"}, "name"),
        ("/v1/contacts", {"name": "Ada", "phone": "1"}, None),
        ("/v1/fund_accounts", {"contact_id": "cont_1"}, "account_type"),
        ("/v1/payouts", PAYOUT | {"urgent": True}, None),
        ("/v1/payments/create/recurring", {"email": "ada@example.com"}, "amount"),
    ],
)
async def test_what_the_reference_does_not_allow_is_refused(
    http: httpx.AsyncClient, path: str, given: dict[str, object], field: str | None
) -> None:
    answer = await http.post(path, json=given)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, "BAD_REQUEST_ERROR")
    assert error["field"] == field


async def test_only_who_has_the_key_is_answered(server: Razorpay) -> None:
    async with httpx.AsyncClient(base_url=server.url, auth=(KEY_ID, "another")) as http:
        assert (await http.post("/v1/orders", json=ORDER)).status_code == 401
    assert server.state.all("order") == []


async def test_a_list_comes_in_parts_the_newest_first(http: httpx.AsyncClient) -> None:
    made = [(await http.post("/v1/orders", json={**ORDER, "receipt": str(n)})).json() for n in range(3)]
    assert made[0].keys() == {"id", "entity", "created_at"} | SHAPES["order"].keys()
    part = (await http.get("/v1/orders", params={"count": 2, "skip": 1})).json()
    assert (part["entity"], part["count"]) == ("collection", 2)
    assert [one["receipt"] for one in part["items"]] == ["1", "0"]
    assert (await http.get("/v1/orders", params={"receipt": "1"})).json()["count"] == 1
    assert (await http.get("/v1/orders", params={"count": 101})).status_code == 400


async def test_an_order_is_charged_as_often_as_it_is_asked_to_before_it_is_paid(server: Razorpay) -> None:
    customer = server.customers.create({"name": "Customer"})["id"]
    allowed = {"customer_id": customer, "method": "upi", "token": {"max_amount": 500, "expire_at": 2**31}}
    server.payments.pay(server.payments.order({**ORDER, **allowed})["id"], "upi_late")
    [token] = server.state.all("token")
    order = server.payments.order(ORDER)
    asked = {**ORDER, "email": "", "contact": "", "order_id": order["id"], "customer_id": customer}
    for _ in range(2):
        server.payments.recurring({**asked, "token": token["id"], "recurring": "1"})
    assert len(server.state.all("payment", order_id=order["id"])) == 2


async def test_what_happens_is_told_signed_late_and_twice(server: Razorpay) -> None:
    came = list[tuple[bytes, str]]()

    async def hear(request: Request) -> Response:
        came.append((await request.body(), request.headers["x-razorpay-signature"]))
        return Response()

    async with serving(Starlette(routes=[Route("/", hear, methods=["POST"])])) as url:
        server.webhooks.append(Webhook(f"{url}/", delay=0.01, copies=2))
        server.payments.decline(server.payments.order(ORDER)["id"], "insufficient_funds")

        async def heard() -> list[tuple[bytes, str]] | None:
            return came if len(came) == 2 else None

        [first, second] = await until(heard)
    assert first == second
    assert first[1] == signed(first[0])["x-razorpay-signature"]
