"""Checkout sessions, and the pages on which people pay, tell their bank who they are, and see what they have saved."""

from html import escape
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from tests.integrations.routes import Routes
from tests.stripe.cards import BY_NUMBER
from tests.stripe.payments import Payments
from tests.stripe.state import Refusal, State, Thing, invalid, listed

Params = dict[str, Any]
DAY = 86_400
_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>
<body><h1>{title}</h1>{body}</body></html>"""
_FORM = """<p>{what}</p><p role="alert">{error}</p><form method="post">
<label>Card number <input name="number" autocomplete="cc-number" inputmode="numeric"></label>
<label>Expiry <input name="expiry" autocomplete="cc-exp"></label>
<label>CVC <input name="cvc" autocomplete="cc-csc"></label>
<button>Pay</button></form><a href="{cancel}">Back</a>"""


class Pages:
    def __init__(self, state: State, routes: Routes, payments: Payments) -> None:
        self.state, self.payments = state, payments
        self.url = ""
        self._wanted: dict[str, Params] = {}
        """By session: what its PaymentIntent is to have."""
        add = routes.add
        add("POST", "/v1/checkout/sessions", "checkout.SessionCreateParams", self.create)
        add("GET", "/v1/checkout/sessions", "checkout.SessionListParams", self.list)
        add("GET", "/v1/checkout/sessions/{id}", "checkout.SessionRetrieveParams", self.retrieve)
        add("POST", "/v1/checkout/sessions/{id}/expire", "checkout.SessionExpireParams", self.expire)
        add("POST", "/v1/billing_portal/sessions", "billing_portal.SessionCreateParams", self.portal)

    @property
    def routes(self) -> list[Route]:
        return [
            Route("/c/pay/{id}", self.pay, methods=["GET", "POST"]),
            Route("/c/3ds/{id}", self.prove, methods=["GET", "POST"]),
            Route("/p/session/{id}", self.saved, methods=["GET"]),
        ]

    def create(self, params: Params) -> Thing:
        mode = params.get("mode")
        if mode != "payment":
            raise invalid("This server knows the mode `payment` only.", None, "mode")
        lines = params.get("line_items") or []
        if not lines or any("price_data" not in line for line in lines):
            raise invalid("You must provide line items with price data.", "parameter_missing", "line_items")
        currencies = {line["price_data"]["currency"] for line in lines}
        if len(currencies) != 1:
            raise invalid("All prices on a Checkout Session must have the same currency.", None, "line_items")
        amount = sum(line["price_data"]["unit_amount"] * line.get("quantity", 1) for line in lines)
        if "customer" in params:
            self.state.get("customer", params["customer"])
        moment = int(self.state.clock())
        made = self.state.make(
            "checkout.session",
            amount_subtotal=amount,
            amount_total=amount,
            currency=currencies.pop(),
            customer=params.get("customer"),
            client_reference_id=params.get("client_reference_id"),
            success_url=params["success_url"],
            cancel_url=params.get("cancel_url"),
            metadata=params.get("metadata") or {},
            payment_intent=None,
            expires_at=params.get("expires_at", moment + DAY),
            customer_details=None,
            collected_information=None,
            currency_conversion=None,
            shipping_address_collection=None,
            shipping_cost=None,
            total_details=None,
            managed_payments=None,
        )
        made["url"] = f"{self.url}/c/pay/{made['id']}"
        self._wanted[made["id"]] = params.get("payment_intent_data") or {}
        return made

    def list(self, params: Params) -> Thing:
        more = {name: params[name] for name in ("customer", "payment_intent") if name in params}
        return listed(self.state.all("checkout.session", **more), params, "/v1/checkout/sessions")

    def retrieve(self, params: Params, id: str) -> Thing:
        return self.state.get("checkout.session", id)

    def expire(self, params: Params, id: str) -> Thing:
        found = self.state.get("checkout.session", id)
        if found["status"] != "open":
            raise invalid("Only Checkout Sessions with a status in [open] can be expired.")
        found |= {"status": "expired", "url": None}
        if found["payment_intent"]:
            self.payments.cancel({}, found["payment_intent"])
        self.state.tell("checkout.session.expired", found)
        return found

    def portal(self, params: Params) -> Thing:
        self.state.get("customer", params["customer"])
        made = self.state.make(
            "billing_portal.session", customer=params["customer"], return_url=params.get("return_url"), flow=None
        )
        made["url"] = f"{self.url}/p/session/{made['id']}"
        return made

    def take(self, id: str, card: str) -> Thing:
        """Pay on a page by a card. Raises Refusal; the session's PaymentIntent may want the customer to act."""
        found = self.state.get("checkout.session", id)
        if found["status"] != "open":
            raise invalid("This page is closed.")
        if found["payment_intent"] is None:
            intent = self.payments.create(
                {
                    **self._wanted[id],
                    "amount": found["amount_total"],
                    "currency": found["currency"],
                    **({"customer": found["customer"]} if found["customer"] else {}),
                }
            )
            found["payment_intent"] = intent["id"]
        intent = self.payments.confirm({"payment_method": card}, found["payment_intent"])
        if intent["status"] == "succeeded":
            self.complete(id)
        return intent

    def complete(self, id: str) -> None:
        found = self.state.get("checkout.session", id)
        found |= {"status": "complete", "payment_status": "paid", "url": None}
        self.state.tell("checkout.session.completed", found)

    def of_intent(self, id: str) -> Thing:
        return self.state.all("checkout.session", payment_intent=id)[0]

    async def pay(self, request: Request) -> Response:
        try:
            found = self.state.get("checkout.session", request.path_params["id"])
        except Refusal:
            return HTMLResponse("There is no such page.", 404)
        error = ""
        if request.method == "POST":
            given = dict(parse_qsl((await request.body()).decode()))
            number = given.get("number", "").replace(" ", "")
            try:
                intent = self.take(found["id"], BY_NUMBER.get(number, "pm_card_chargeDeclined"))
            except Refusal as refusal:
                error = str(refusal)
            else:
                after = self._after(found) if intent["status"] == "succeeded" else f"/c/3ds/{intent['id']}"
                return RedirectResponse(after, 303)
        if found["status"] != "open":
            return HTMLResponse("This page is closed.", 404)
        what = f"{found['amount_total']} {found['currency'].upper()}"
        body = _FORM.format(what=escape(what), error=escape(error), cancel=escape(found["cancel_url"] or "#"))
        return HTMLResponse(_PAGE.format(title="Pay", body=body))

    async def prove(self, request: Request) -> Response:
        """Where a customer tells their bank who they are (3-D Secure), or cannot."""
        intent = self.state.get("payment_intent", request.path_params["id"])
        if request.method == "GET":
            buttons = '<form method="post"><button name="how" value="complete">Complete</button>'
            buttons += '<button name="how" value="fail">Fail</button></form>'
            return HTMLResponse(_PAGE.format(title="3D Secure", body=buttons))
        session = self.of_intent(intent["id"])
        if dict(parse_qsl((await request.body()).decode())).get("how") == "complete":
            self.payments.complete(intent["id"])
            self.complete(session["id"])
            return RedirectResponse(self._after(session), 303)
        self.payments.fail_action(intent["id"])
        return RedirectResponse(f"/c/pay/{session['id']}", 303)

    async def saved(self, request: Request) -> Response:
        session = self.state.get("billing_portal.session", request.path_params["id"])
        methods = self.state.all("payment_method", customer=session["customer"])
        body = "".join(f"<li>{escape(one['card']['brand'])} {escape(one['card']['last4'])}</li>" for one in methods)
        return HTMLResponse(_PAGE.format(title="Billing", body=f"<ul>{body}</ul>"))

    def _after(self, session: Thing) -> str:
        return str(session["success_url"]).replace("{CHECKOUT_SESSION_ID}", session["id"])
