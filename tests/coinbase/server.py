"""A Coinbase Business for tests, on this machine only: its checkouts, refused where its reference refuses them.

It lets in who signs a token for just that call, and tells of what happens by signed webhooks; faults are asked for
(`integrations.vendor`). Source: https://docs.cdp.coinbase.com/coinbase-business/checkout-apis/overview
"""

import copy
import hmac
import json
import re
import secrets
import time
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.integrations.routes import Found, Routes
from tests.integrations.vendor import Thing, Vendor

KEY_ID, SECRET = "6d1c0d3e-0f6b-4c59-9a39-000000000000", "webhooks_for_tests_only"
PLACE = "/api/v1/checkouts"
SHAPES: Mapping[str, tuple[str, ...]] = {
    "checkout": (
        "amount!", "currency!", "network", "description", "metadata", "successRedirectUrl", "failRedirectUrl",
        "expiresAt",
    ),
    "refund": ("amount!", "currency!", "reason"),
    "list": ("pageSize", "pageToken", "status"),
    "": (),
}  # fmt: skip
CURRENCIES = ("USDC", "USD", "EUR", "GBP", "SGD")
RATES = {"EUR": Decimal("1.10"), "GBP": Decimal("1.30"), "SGD": Decimal("0.75")}
"""USDC for one of a currency."""
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_AMOUNT = re.compile(r"\d+(\.\d{1,2})?")


class Refusal(Exception):
    """An error as Coinbase answers it."""

    def __init__(self, text: str, *, status: int = 400, type: str = "invalid_request") -> None:
        super().__init__(text)
        self.status, self.body = status, {"errorType": type, "errorMessage": text, "correlationId": "test"}


class Coinbase(Vendor):
    def __init__(self) -> None:
        super().__init__()
        self.key = Ed25519PrivateKey.generate()
        self.checkouts: dict[str, Thing] = {}
        self.events: list[Thing] = []
        self.late = False
        """Whether refunds are pending at first."""
        self._kept: dict[tuple[str, str], str] = {}
        """By path and key, the checkout."""
        self._key: str | None = None
        self._path = ""
        """Those of the call that is answered."""
        self.routes = Routes()
        add = self.routes.add
        add("POST", PLACE, "checkout", self.create)
        add("GET", PLACE, "list", self.list)
        add("GET", f"{PLACE}/{{id}}", "", lambda params, id: self.get(id))
        add("POST", f"{PLACE}/{{id}}/deactivate", "", self.deactivate)
        add("POST", f"{PLACE}/{{id}}/refund", "refund", self.refund)

    @property
    def environment(self) -> dict[str, str]:
        private = self.key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
        public = self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return {
            "COINBASE_KEY_ID": KEY_ID,
            "COINBASE_KEY_SECRET": b64encode(private + public).decode(),
            "COINBASE_WEBHOOK_SECRETS": SECRET,
            "COINBASE_API_URL": f"{self.url}/api/v1",
        }

    def app(self) -> Starlette:
        return Starlette(routes=[Route("/{path:path}", self.answer, methods=["GET", "POST"])])

    async def answer(self, request: Request) -> Response:
        method, path = request.method, request.url.path
        found = self.routes.find(method, path)
        fault = self.meets(method, found.path if found else path)
        if not self._lets_in(request):
            return _refused(Refusal("Unauthorized", status=401, type="unauthorized"))
        if fault and fault.kind == "down":
            return _refused(Refusal("On purpose.", status=503, type="service_unavailable"))
        body = await request.body()
        params = dict(request.query_params) if method == "GET" else json.loads(body or b"{}")
        self._key, self._path = request.headers.get("x-idempotency-key"), path
        response = self._do(found, params)
        if fault and fault.kind == "twice":
            response = self._do(found, params)
        if fault and fault.kind == "error":
            response = _refused(Refusal("After the work was done.", status=500, type="internal_server_error"))
        return await self.end(response, fault)

    def create(self, params: Thing) -> Thing:
        if known := self._known():
            return self.checkouts[known]
        if len(params.get("description", "")) > 500:
            raise Refusal("description: at most 500 characters")
        metadata = params.get("metadata", {})
        if len(metadata) > 20 or any(len(value) > 100 for value in metadata.values()):
            raise Refusal("metadata: at most 20 keys, of at most 100 characters each")
        given, currency = Decimal(params["amount"]), params["currency"]
        id, at = secrets.token_hex(12), said()
        made = {
            "id": id,
            "url": f"{self.url}/payment-links/pl_{id}",
            **params,
            "amount": f"{given * RATES.get(currency, 1):.2f}",
            "currency": "USDC",
            "network": "base",
            "address": "0x742d35Cc6634C0532925a3b844Bc454e4438f44e",
            "status": "ACTIVE",
            "createdAt": at,
            "updatedAt": at,
        }
        if currency != "USDC":
            made |= {"fiatAmount": params["amount"], "fiatCurrency": currency}
        self.checkouts[id] = made
        return self._keep(id, made)

    def get(self, id: str) -> Thing:
        if id not in self.checkouts:
            raise Refusal("Checkout not found", status=404, type="not_found")
        return self.checkouts[id]

    def list(self, params: Thing) -> Thing:
        size, start = int(params.get("pageSize", 20)), int(params.get("pageToken", 0))
        every = list(reversed(self.checkouts.values()))
        more = {"nextPageToken": str(start + size)} if start + size < len(every) else {}
        return {"checkouts": every[start : start + size], **more}

    def deactivate(self, params: Thing, id: str) -> Thing:
        found = self.get(id)
        if found["status"] != "ACTIVE":
            raise Refusal(f"Checkout is {found['status']}")
        return self._become(found, "DEACTIVATED")

    def pay(self, id: str, status: str = "COMPLETED") -> None:
        """What somebody does on the page of a checkout, or what becomes of it: it is over once and for all."""
        found = self.get(id)
        if found["status"] not in ("ACTIVE", "PROCESSING"):
            raise Refusal(f"Checkout is {found['status']}")
        self._become(found, status)
        if status == "COMPLETED":
            found["transactionHash"] = f"0x{secrets.token_hex(32)}"
            found["settlement"] = {"totalAmount": found["amount"], "feeAmount": "0.00", "currency": "USDC"}
        names = {"COMPLETED": "success", "FAILED": "failed", "EXPIRED": "expired"}
        if status in names:
            self._told(f"checkout.payment.{names[status]}", found)

    def refund(self, params: Thing, id: str) -> Thing:
        found = self.get(id)
        if self._known():
            return {"checkout": found}
        if found["status"] not in ("COMPLETED", "PARTIALLY_REFUNDED"):
            raise Refusal(f"Checkout is {found['status']}")
        if params["currency"] not in ("USDC", found.get("fiatCurrency")):
            raise Refusal("currency: that of the checkout, or USDC")
        if len(params.get("reason", "")) > 500:
            raise Refusal("reason: at most 500 characters")
        whole = Decimal(found.get("fiatAmount") or found["amount"])
        left = whole - sum(Decimal(one["fiatAmount"]) for one in found.get("refunds", ()) if one["status"] != "FAILED")
        if Decimal(params["amount"]) > left:
            raise Refusal("amount: so much is not left")
        made = {
            "id": secrets.token_hex(12),
            "checkoutId": id,
            "amount": f"{Decimal(params['amount']) * RATES.get(params['currency'], 1):.2f}",
            "currency": "USDC",
            "fiatAmount": params["amount"],
            "fiatCurrency": found.get("fiatCurrency", "USD"),
            "status": "PENDING",
            "reason": params.get("reason"),
            "createdAt": said(),
        }
        found.setdefault("refunds", []).append(made)
        if not self.late:
            self.settle_refund(id)
        return self._keep(id, {"checkout": found, "refund": made})

    def settle_refund(self, id: str, *, failed: bool = False) -> None:
        """What has become of the last refund of a checkout."""
        found = self.get(id)
        found["refunds"][-1]["status"] = "FAILED" if failed else "COMPLETED"
        done = sum(Decimal(one["fiatAmount"]) for one in found["refunds"] if one["status"] == "COMPLETED")
        if done:
            found["refundedAmount"] = str(done)
            whole = done == Decimal(found.get("fiatAmount") or found["amount"])
            found["status"] = "REFUNDED" if whole else "PARTIALLY_REFUNDED"
        self._become(found, found["status"])
        self._told(f"checkout.refund.{'failed' if failed else 'success'}", found)

    def letter(self, event: Thing) -> tuple[bytes, dict[str, str]]:
        body = written(event)
        return body, signed(body)

    def _become(self, found: Thing, status: str) -> Thing:
        found |= {"status": status, "updatedAt": said()}
        return found

    def _told(self, type: str, checkout: Thing) -> None:
        event = {**copy.deepcopy(checkout), "eventType": type}
        self.events.append(event)
        self.tell(event)

    def _known(self) -> str | None:
        if self._key and not _UUID.fullmatch(self._key):
            raise Refusal("X-Idempotency-Key: a UUID of version 4")
        return self._kept.get((self._path, self._key or ""))

    def _keep(self, id: str, made: Thing) -> Thing:
        if self._key:
            self._kept[self._path, self._key] = id
        return made

    def _lets_in(self, request: Request) -> bool:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        try:
            claims = jwt.decode(
                token, self.key.public_key(), ["EdDSA"], issuer="cdp", options={"require": ["exp", "nbf"]}
            )
            head = jwt.get_unverified_header(token)
        except jwt.PyJWTError:
            return False
        uri = f"{request.method} {request.url.hostname}{request.url.path}"
        return (head["kid"], claims["sub"], claims["uris"]) == (KEY_ID, KEY_ID, [uri]) and bool(head["nonce"])

    def _do(self, found: Found | None, params: Thing) -> Response:
        if found is None:
            return _refused(Refusal("Not found", status=404, type="not_found"))
        try:
            _check(params, SHAPES[found.params])
            return JSONResponse(found.answer(params, **found.ids))
        except Refusal as refusal:
            return _refused(refusal)


def _check(params: Thing, shape: tuple[str, ...]) -> None:
    """Refuse what a call does not know, and a call that lacks what it needs (`!`)."""
    for name in params.keys() - {known.rstrip("!") for known in shape}:
        raise Refusal(f"{name}: unknown")
    for name in shape:
        if name.endswith("!") and name[:-1] not in params:
            raise Refusal(f"{name[:-1]}: required")
    if "amount" in params and (not _AMOUNT.fullmatch(params["amount"]) or not Decimal(params["amount"])):
        raise Refusal("amount: a decimal above zero, of at most two digits after the point")
    if "currency" in params and params["currency"] not in CURRENCIES:
        raise Refusal("currency: not supported")


def _refused(refusal: Refusal) -> Response:
    return JSONResponse(refusal.body, refusal.status)


def said() -> str:
    """The moment as Coinbase writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def written(event: Thing) -> bytes:
    """An event as Coinbase writes it."""
    return json.dumps(event).encode()


def signed(body: bytes, secret: str = SECRET, *, at: int | None = None, kinds: str = "v0 v1") -> dict[str, str]:
    """The headers of a webhook. Source: https://docs.cdp.coinbase.com/webhooks/verify-signatures"""
    time_, names = str(int(time.time()) if at is None else at), "content-type x-event-id"
    headers = {"content-type": "application/json", "x-event-id": secrets.token_hex(8)}
    values = ".".join(headers[name] for name in names.split(" "))
    said = {"v0": f"{time_}.".encode() + body, "v1": f"{time_}.{names}.{values}.".encode() + body}
    codes = {kind: hmac.new(secret.encode(), said[kind], "sha256").hexdigest() for kind in kinds.split()}
    parts = [f"t={time_}", *(f"{kind}={codes[kind]}" for kind in codes if kind == "v0")]
    parts += [f"h={names}", f"v1={codes['v1']}"] if "v1" in codes else []
    return {**headers, "x-hook0-signature": ",".join(parts)}
