"""BIL-3: what providers of payments tell: R52 (only what they have signed, now) and R53 (once, whatever breaks)."""

import json
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from pymongo.asynchronous.database import AsyncDatabase
from starlette.applications import Starlette

from app.api import payments
from app.core.changes.envelope import FIELD
from app.core.database import Document
from app.core.settings import settings
from tests.integrations.vendor import Fault
from tests.paypal.orders import MEANS
from tests.paypal.server import PayPal
from tests.razorpay import server as razorpay
from tests.stripe.server import SECRET, signed

OLD, OTHER = "whsec_the_one_before", "whsec_of_another_endpoint"
PATH = "/webhooks/stripe"


def event(type: str = "payment_intent.succeeded") -> Document:
    thing = {"id": "pi_1", "object": "payment_intent"}
    return {"id": f"evt_{time.time_ns()}", "type": type, "created": int(time.time()), "data": {"object": thing}}


def written(told: Document) -> bytes:
    return json.dumps(told, indent=2).encode()


@pytest.fixture
async def door(documents: AsyncDatabase[Document], monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    """The way in, in the midst of a rotation of secrets."""
    monkeypatch.setenv("STRIPE_WEBHOOK_SECRETS", f"{SECRET},{OLD}")
    monkeypatch.setenv("RAZORPAY_WEBHOOK_SECRETS", f"{razorpay.SECRET},{OLD}")
    settings.cache_clear()
    await documents["provider_events"].delete_many({})
    transport = httpx.ASGITransport(Starlette(routes=payments.routes()))
    async with httpx.AsyncClient(transport=transport, base_url="http://atrium.test") as http:
        yield http
    monkeypatch.undo()
    settings.cache_clear()


async def kept(documents: AsyncDatabase[Document]) -> list[Document]:
    return await documents["provider_events"].find().to_list()


@pytest.mark.parametrize("secret", [SECRET, OLD])
async def test_r52_either_secret_signs_during_a_rotation(
    door: httpx.AsyncClient, documents: AsyncDatabase[Document], secret: str
) -> None:
    body = written(event("something.unheard_of"))
    assert (await door.post(PATH, content=body, headers=signed(body, secret))).status_code == 200
    [row] = await kept(documents)
    assert row["body"] == body
    assert row[FIELD], "its job rides in the same write"


def _now(by: int) -> int:
    return int(time.time()) + by


def _wrong(body: bytes) -> dict[str, tuple[bytes, dict[str, str]]]:
    """Webhooks that are not to be believed."""
    good = signed(body)
    moment = good["stripe-signature"].partition(",")[0]
    again = {**good, "stripe-signature": f"{good['stripe-signature']},{moment}"}
    return {
        "another secret": (body, signed(body, OTHER)),
        "a byte of it was altered": (body.replace(b"pi_1", b"pi_2"), good),
        "it was written anew": (json.dumps(json.loads(body)).encode(), good),
        "no signature": (body, {}),
        "301 seconds old": (body, signed(body, at=_now(-301))),
        "301 seconds in the future": (body, signed(body, at=_now(301))),
        "a day in the future": (body, signed(body, at=_now(86_400))),
        "of a scheme for tests only": (body, signed(body, scheme="v0")),
        "two times": (body, again),
        "a time that is no number": (body, {"stripe-signature": "t=now,v1=00"}),
        "signed, and no text": (b"\xff", signed(b"\xff")),
        "signed, and no event": (b"[]", signed(b"[]")),
        "signed, and no event of theirs": (b'{"id": 1, "type": "x"}', signed(b'{"id": 1, "type": "x"}')),
    }


@pytest.mark.parametrize("why", _wrong(b"{}"))
async def test_r52_what_stripe_has_not_signed_now_is_not_kept(
    door: httpx.AsyncClient, documents: AsyncDatabase[Document], why: str
) -> None:
    body, headers = _wrong(written(event()))[why]
    assert (await door.post(PATH, content=body, headers=headers)).status_code == 400
    assert await kept(documents) == []


async def test_each_provider_has_a_door_of_its_own(door: httpx.AsyncClient, documents: AsyncDatabase[Document]) -> None:
    thing = {"id": "pay_1", "entity": "payment", "order_id": "order_1"}
    told = {"event": "payment.captured", "created_at": 1_700_000_000, "payload": {"payment": {"entity": thing}}}
    body = razorpay.written(told)
    for secret, status in ((razorpay.SECRET, 200), (OLD, 200), (OTHER, 400), ("", 400)):
        answer = await door.post("/webhooks/razorpay", content=body, headers=razorpay.signed(body, secret))
        assert answer.status_code == status
    assert (await door.post(PATH, content=body, headers=razorpay.signed(body))).status_code == 400
    assert (await door.post("/webhooks/paypal", content=body)).status_code == 400
    assert (await door.post("/webhooks/cash", content=body)).status_code == 404
    [row] = await kept(documents)
    assert (row["provider"], row["object_ref"], row["body"]) == ("razorpay", "order_1", body)


async def test_what_cannot_be_verified_now_is_to_come_again(
    door: httpx.AsyncClient, documents: AsyncDatabase[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with PayPal.running() as paypal:
        for name, value in paypal.environment.items():
            monkeypatch.setenv(name, value)
        settings.cache_clear()
        paypal.orders.save("somebody", MEANS["wallet"])
        body, headers = paypal.letter(paypal.events[0])
        paypal.faults.append(Fault("GET", headers["paypal-cert-url"].removeprefix(paypal.url), "down"))
        assert (await door.post("/webhooks/paypal", content=body, headers=headers)).status_code == 503
        assert await kept(documents) == []
        assert (await door.post("/webhooks/paypal", content=body, headers=headers)).status_code == 200
        assert (await door.post("/webhooks/paypal", content=body + b" ", headers=headers)).status_code == 400
    [row] = await kept(documents)
    assert (row["provider"], row["type"], row["body"]) == ("paypal", "VAULT.PAYMENT-TOKEN.CREATED", body)


async def test_r52_a_body_of_more_than_a_megabyte_is_not_read(
    door: httpx.AsyncClient, documents: AsyncDatabase[Document]
) -> None:
    told = event()
    body = written({**told, "more": "x" * (payments.MAX_BYTES - len(written({**told, "more": ""})))})
    assert len(body) == payments.MAX_BYTES
    assert (await door.post(PATH, content=body, headers=signed(body))).status_code == 200
    body += b" "
    assert (await door.post(PATH, content=body, headers=signed(body))).status_code == 413
    assert len(await kept(documents)) == 1


async def test_r53_a_process_that_dies_before_its_answer_has_kept_it_once(
    documents: AsyncDatabase[Document], door: httpx.AsyncClient
) -> None:
    body = written(event())
    headers = [(name.encode(), value.encode()) for name, value in signed(body).items()]

    class Killed(BaseException):
        """Of SIGKILL nothing is heard."""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        raise Killed

    scope = {"type": "http", "method": "POST", "path": PATH, "headers": headers, "query_string": b"", "app": None}
    with pytest.raises(Killed):
        await payments.routes()[0].handle(scope, receive, send)
    [before] = await kept(documents)
    for _ in range(3):
        assert (await door.post(PATH, content=body, headers=signed(body))).status_code == 200
    assert await kept(documents) == [before], "what causes its job was written once"
