"""A PayPal for tests, on this machine only: the calls that Atrium makes, refused where its reference refuses them.

It tells of what happens by webhooks that it signs by a certificate; faults are asked for (`integrations.vendor`).
"""

import base64
import json
import secrets
import zlib
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.integrations.routes import Found, Routes
from tests.integrations.vendor import Thing, Vendor
from tests.paypal import certificates
from tests.paypal.certificates import Holder
from tests.paypal.orders import Orders
from tests.paypal.shapes import SHAPES, check
from tests.paypal.state import Refusal, State, said

CLIENT_ID, SECRET, WEBHOOK = "app_for_tests", "secret_for_tests_only", "8PT597110X687430LKGECATA"
CERTIFICATES, EVENTS = "/v1/notifications/certs/", "/v1/notifications/webhooks-events"
OURS = "CERT-360caa42-fca2a594-1d93a270"
_BASIC = f"Basic {base64.b64encode(f'{CLIENT_ID}:{SECRET}'.encode()).decode()}"


class PayPal(Vendor):
    def __init__(self) -> None:
        super().__init__()
        self.state, self.routes = State(), Routes()
        self.orders = Orders(self.state, self.routes)
        self.routes.add("GET", EVENTS, "events", self._events)
        self.state.on_event = self.tell
        self.tokens = set[str]()
        """By which one may ask now."""
        self.root = certificates.root("A root of the tests")
        self.above = certificates.between(self.root, "One whom it lets vouch")
        self.signers: dict[str, Holder] = {OURS: certificates.signer(self.above)}
        """By the names of their certificates."""
        self._directory = TemporaryDirectory(prefix="paypal-")

    @property
    def environment(self) -> dict[str, str]:
        path = Path(self._directory.name) / "roots.pem"
        path.write_bytes(self.root.pem)
        return {
            "PAYPAL_CLIENT_ID": CLIENT_ID,
            "PAYPAL_CLIENT_SECRET": SECRET,
            "PAYPAL_WEBHOOK_IDS": WEBHOOK,
            "PAYPAL_API_URL": self.url,
            "PAYPAL_CERTIFICATES_URL": f"{self.url}{CERTIFICATES}",
            "PAYPAL_CERTIFICATE_ROOTS": str(path),
        }

    @property
    def events(self) -> list[Thing]:
        """What has happened, the oldest first."""
        return self.state.events

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route(f"{CERTIFICATES}{{name}}", self._certificate),
                Route("/v1/oauth2/token", self._token, methods=["POST"]),
                Route("/{path:path}", self.answer, methods=["GET", "POST", "DELETE"]),
            ]
        )

    def started(self, url: str) -> None:
        super().started(url)
        self.state.url = url

    async def close(self) -> None:
        await super().close()
        self._directory.cleanup()

    async def answer(self, request: Request) -> Response:
        method, path = request.method, request.url.path
        found = self.routes.find(method, path)
        fault = self.meets(method, found.path if found else path)
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            return _refused(Refusal("INVALID_TOKEN", status=401))
        if fault and fault.kind == "down":
            return _refused(Refusal("SERVICE_UNAVAILABLE", status=503))
        body = await request.body()
        params = dict(request.query_params) if method == "GET" else json.loads(body or b"{}")
        self.orders.headers = request.headers
        response = self._do(found, params)
        if fault and fault.kind == "twice":
            response = self._do(found, params)
        if fault and fault.kind == "error":
            response = _refused(Refusal("INTERNAL_SERVER_ERROR", status=500))
        return await self.end(response, fault)

    def letter(self, event: Thing) -> tuple[bytes, dict[str, str]]:
        body = written(event)
        return body, self.signed(body)

    def signed(
        self, body: bytes, *, by: str = OURS, webhook: str = WEBHOOK, at: datetime | None = None
    ) -> dict[str, str]:
        """The headers of a webhook. Source: https://developer.paypal.com/api/rest/webhooks/rest"""
        id, time = secrets.token_hex(16), said(at)
        return {
            "paypal-transmission-id": id,
            "paypal-transmission-time": time,
            "paypal-auth-algo": "SHA256withRSA",
            "paypal-cert-url": f"{self.url}{CERTIFICATES}{by}",
            "paypal-transmission-sig": self.signers[by].sign(f"{id}|{time}|{webhook}|{zlib.crc32(body)}".encode()),
            "content-type": "application/json",
        }

    def _do(self, found: Found | None, params: dict[str, Any]) -> Response:
        if found is None:
            return _refused(Refusal("INVALID_URI", status=404))
        try:
            check(params, SHAPES[found.params])
            given = found.answer(params, **found.ids)
            return JSONResponse(given) if given else Response(status_code=204)
        except Refusal as refusal:
            return _refused(refusal)

    async def _token(self, request: Request) -> Response:
        fault = self.meets("POST", "/v1/oauth2/token")
        form = parse_qs((await request.body()).decode())
        if request.headers.get("authorization") != _BASIC or form != {"grant_type": ["client_credentials"]}:
            return JSONResponse({"error": "invalid_client", "error_description": "Client Authentication failed"}, 401)
        if fault and fault.kind == "down":
            return JSONResponse({"error": "server_error"}, 503)
        token = secrets.token_urlsafe(16)
        self.tokens.add(token)
        return JSONResponse({"access_token": token, "token_type": "Bearer", "app_id": "APP-1", "expires_in": 32_400})

    async def _certificate(self, request: Request) -> Response:
        name = request.path_params["name"]
        fault = self.meets("GET", CERTIFICATES + name)
        if fault:
            return Response(status_code=503)
        signer = self.signers.get(name)
        return Response(signer.pem, media_type="application/x-pem-file") if signer else Response(status_code=404)

    def _events(self, params: dict[str, Any]) -> Thing:
        size, start = int(params.get("page_size", 10)), int(params.get("from", 0))
        inside = [
            one
            for one in reversed(self.events)
            if params["start_time"] <= one["create_time"][:19] + "Z" <= params["end_time"]
        ]
        links = [{"href": f"{self.url}{EVENTS}", "rel": "self", "method": "GET"}]
        if start + size < len(inside):
            asked = (
                f"page_size={size}&start_time={params['start_time']}&end_time={params['end_time']}&from={start + size}"
            )
            links.append({"href": f"https://elsewhere.example{EVENTS}?{asked}", "rel": "next", "method": "GET"})
        return {"events": inside[start : start + size], "count": len(inside), "links": links}


def _refused(refusal: Refusal) -> Response:
    return JSONResponse(refusal.body, refusal.status)


def written(event: Thing) -> bytes:
    """An event as PayPal writes it."""
    return json.dumps(event).encode()
