"""A Razorpay for tests, on this machine only: the calls that Atrium makes, refused where its reference refuses them.

It has keys for refunds and payouts only, and charges an order as often as it is asked to before it is paid. It tells of
what happens by signed webhooks; faults are asked for (`integrations.vendor`).
"""

import base64
import hashlib
import hmac
import json
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.integrations.routes import Routes
from tests.integrations.vendor import Thing, Vendor
from tests.razorpay.customers import Customers
from tests.razorpay.links import Links
from tests.razorpay.payments import Payments
from tests.razorpay.payouts import ACCOUNT, Payouts
from tests.razorpay.state import Refusal, State

KEY_ID, KEY_SECRET, SECRET = "rzp_test_for_tests", "key_for_tests_only", "webhooks_for_tests_only"
_BASIC = f"Basic {base64.b64encode(f'{KEY_ID}:{KEY_SECRET}'.encode()).decode()}"


class Razorpay(Vendor):
    def __init__(self) -> None:
        super().__init__()
        self.state, self.routes = State(), Routes()
        self.customers = Customers(self.state, self.routes)
        self.payments = Payments(self.state, self.routes, self.customers)
        self.payouts = Payouts(self.state, self.routes)
        self.links = Links(self.state, self.routes, self.payments)
        self.state.on_event = self.tell

    @property
    def environment(self) -> dict[str, str]:
        return {
            "RAZORPAY_KEY_ID": KEY_ID,
            "RAZORPAY_KEY_SECRET": KEY_SECRET,
            "RAZORPAY_WEBHOOK_SECRETS": SECRET,
            "RAZORPAY_API_URL": self.url,
            "RAZORPAY_PAYOUT_ACCOUNT": ACCOUNT,
        }

    @property
    def events(self) -> list[Thing]:
        """What has happened, the oldest first."""
        return self.state.events

    def app(self) -> Starlette:
        return Starlette(routes=[Route("/v1/{path:path}", self.answer, methods=["GET", "POST", "PUT", "DELETE"])])

    def started(self, url: str) -> None:
        super().started(url)
        self.links.url = url

    async def answer(self, request: Request) -> Response:
        method, path = request.method, request.url.path
        fault = self.meets(method, path)
        if request.headers.get("authorization") != _BASIC:
            return _refused(Refusal("Authentication failed", status=401))
        if fault and fault.kind == "down":
            return _refused(Refusal("On purpose.", status=503, code="SERVER_ERROR"))
        body = await request.body()
        params = dict(request.query_params) if method == "GET" else json.loads(body or b"{}")
        self.state.headers = request.headers
        response = self._do(method, path, params)
        if fault and fault.kind == "twice":
            response = self._do(method, path, params)
        if fault and fault.kind == "error":
            response = _refused(Refusal("On purpose, after the work was done.", status=500, code="SERVER_ERROR"))
        return await self.end(response, fault)

    def letter(self, event: Thing) -> tuple[bytes, dict[str, str]]:
        body = written(event)
        return body, signed(body)

    def _do(self, method: str, path: str, params: dict[str, Any]) -> Response:
        found = self.routes.find(method, path)
        if found is None:
            return _refused(Refusal("The requested URL was not found on the server."))
        try:
            _check(params, found.params)
            return JSONResponse(found.answer(params, **found.ids))
        except Refusal as refusal:
            return _refused(refusal)


def _check(params: dict[str, Any], allowed: str) -> None:
    """Refuse what a call does not know, and a call that lacks what it needs (`!`)."""
    names = allowed.split()
    known, needed = {name.rstrip("!") for name in names}, {name[:-1] for name in names if name.endswith("!")}
    for name in params.keys() - known:
        raise Refusal(f"{name} is/are not required and should not be sent", reason="input_validation_failed")
    for name in sorted(needed - params.keys()):
        raise Refusal(f"The {name} field is required.", field=name, reason="input_validation_failed")


def _refused(refusal: Refusal) -> Response:
    return JSONResponse(refusal.body, refusal.status)


def written(event: Thing) -> bytes:
    """An event as Razorpay writes it."""
    return json.dumps(event).encode()


def signed(body: bytes, secret: str = SECRET) -> dict[str, str]:
    """The headers of a webhook. Source: https://razorpay.com/docs/webhooks/validate-test"""
    code = hmac.new(secret.encode(), body, "sha256").hexdigest()
    id = hashlib.sha256(body).hexdigest()[:14]
    return {"x-razorpay-signature": code, "x-razorpay-event-id": id, "content-type": "application/json"}
