"""A Stripe for tests, on this machine only: the calls that Atrium makes, refused where Stripe's own types refuse them.

It keeps what it is told in memory, honours idempotency keys, tells of what happens by signed webhooks, and has pages on
which a person pays. Faults are asked for: an answer that never comes, comes as an error or breaks off though the work
was done, and webhooks that are held back, repeated and out of order.
"""

import hashlib
import hmac
import json
import secrets
import time
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.integrations.routes import Found, Routes
from tests.integrations.vendor import Fault, Vendor
from tests.stripe import parameters
from tests.stripe.connect import Connect
from tests.stripe.customers import Customers
from tests.stripe.pages import Pages
from tests.stripe.parameters import BadParameter
from tests.stripe.payments import Payments
from tests.stripe.state import Refusal, State, Thing, invalid, listed

KEY, SECRET = "sk_test_for_tests_only", "whsec_for_tests_only"


@dataclass
class Kept:
    """What was answered for an idempotency key; nothing while it is worked on."""

    fingerprint: str
    status: int = 0
    body: bytes = b""


class Stripe(Vendor):
    """The server, and what a test does to it."""

    def __init__(self) -> None:
        super().__init__()
        self.state, routes = State(), Routes()
        self.customers = Customers(self.state, routes)
        self.payments = Payments(self.state, routes, self.customers)
        self.pages = Pages(self.state, routes, self.payments)
        self.connect = Connect(self.state, routes)
        routes.add("GET", "/v1/events", "EventListParams", self._events)
        routes.add("GET", "/v1/events/{id}", "EventRetrieveParams", self._event)
        self.routes = routes
        self._kept: dict[str, Kept] = {}
        self.state.on_event = self.tell

    @property
    def environment(self) -> dict[str, str]:
        return {"STRIPE_SECRET_KEY": KEY, "STRIPE_WEBHOOK_SECRETS": SECRET, "STRIPE_API_URL": self.url}

    @property
    def events(self) -> list[Thing]:
        """What has happened, the oldest first."""
        return self.state.events

    def app(self) -> Starlette:
        api = Route("/v1/{path:path}", self.answer, methods=["GET", "POST", "DELETE"])
        return Starlette(routes=[api, *self.pages.routes, *self.connect.routes])

    def started(self, url: str) -> None:
        super().started(url)
        self.pages.url = self.connect.url = url

    async def answer(self, request: Request) -> Response:
        method, path = request.method, request.url.path
        fault = self.meets(method, path)
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return _refused(Refusal(401, "invalid_request_error", "Invalid API Key provided."))
        if fault and fault.kind == "down":
            return _refused(Refusal(503, "api_error", "On purpose."))
        form = (await request.body()).decode() if method == "POST" else request.url.query
        account, key = request.headers.get("stripe-account"), request.headers.get("idempotency-key")
        response = self._once(method, path, form, account, key if method == "POST" else None, fault)
        if fault and fault.kind == "twice":
            response = self._once(method, path, form, account, key if method == "POST" else None, None)
        return await self.end(response, fault)

    def _once(
        self, method: str, path: str, form: str, account: str | None, key: str | None, fault: Fault | None
    ) -> Response:
        """Answer, or repeat what was answered for the key. Source: https://docs.stripe.com/api/idempotent_requests"""
        if key is None:
            return self._fault(self._do(method, path, form, account), fault)
        fingerprint = hashlib.sha256(f"{method} {path} {account}\n{form}".encode()).hexdigest()
        kept = self._kept.get(f"{account}:{key}")
        if kept is not None:
            if kept.fingerprint != fingerprint:
                message = "Keys for idempotent requests can only be used with the same parameters."
                return _refused(Refusal(400, "idempotency_error", message))
            return Response(kept.body, kept.status, {"idempotent-replayed": "true"}, "application/json")
        response = self._do(method, path, form, account)
        if response.status_code == 400 and b"unknown parameter" in bytes(response.body):
            return response  # what fails validation is not kept
        response = self._fault(response, fault)
        self._kept[f"{account}:{key}"] = Kept(fingerprint, response.status_code, bytes(response.body))
        return response

    def _fault(self, response: Response, fault: Fault | None) -> Response:
        if fault and fault.kind == "error":
            return _refused(Refusal(500, "api_error", "On purpose, after the work was done."))
        return response

    def _do(self, method: str, path: str, form: str, account: str | None) -> Response:
        try:
            found = self.routes.find(method, path)
            if found is None:
                raise invalid(f"Unrecognized request URL ({method}: {path}).", status=404)
            return JSONResponse(self._result(found, form, account))
        except Refusal as refusal:
            return _refused(refusal)

    def _result(self, found: Found, form: str, account: str | None) -> Thing:
        try:
            params = parameters.checked(parameters.decoded(form), found.params)
        except BadParameter as error:
            raise invalid(str(error), error.code, error.param) from None
        self.connect.account = account
        return found.answer(params, **found.ids)

    def _events(self, params: dict[str, Any]) -> Thing:
        kinds = set(params.get("types") or ([params["type"]] if "type" in params else []))
        found = [one for one in self.state.all("event") if not kinds or one["type"] in kinds]
        return listed(found, params, "/v1/events")

    def _event(self, params: dict[str, Any], id: str) -> Thing:
        return self.state.get("event", id)

    def letter(self, event: Thing) -> tuple[bytes, dict[str, str]]:
        body = written(event)
        return body, signed(body)


def written(event: Thing) -> bytes:
    """An event as Stripe writes it."""
    return json.dumps(event, indent=2).encode()


def signed(body: bytes, secret: str = SECRET, *, at: int | None = None, scheme: str = "v1") -> dict[str, str]:
    """The headers of a webhook. Source: https://docs.stripe.com/webhooks#verify-manually"""
    moment = int(time.time()) if at is None else at
    code = hmac.new(secret.encode(), f"{moment}.".encode() + body, "sha256").hexdigest()
    return {"stripe-signature": f"t={moment},{scheme}={code}", "content-type": "application/json"}


def _refused(refusal: Refusal) -> Response:
    headers = {"request-id": f"req_{secrets.token_hex(7)}"}
    return JSONResponse(refusal.body, refusal.status, headers)
