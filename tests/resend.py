"""Resend, as far as its published API says how it behaves: it takes e-mails, once for each idempotency key.

Sources: https://resend.com/docs/api-reference/emails/send-email, .../errors, and .../webhooks/verify-webhooks-requests.
"""

import base64
import hmac
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.integrations.serving import serving

KEY, SECRET = "re_for_tests", "whsec_" + base64.b64encode(b"for tests only").decode()


@dataclass
class Resend:
    """What was taken, by idempotency key; `failures` are the statuses of the next answers, used up one by one."""

    url: str = ""
    messages: dict[str, dict[str, Any]] = field(default_factory=dict)
    failures: list[int] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        return {"RESEND_API_KEY": KEY, "RESEND_WEBHOOK_SECRET": SECRET, "RESEND_URL": self.url}

    async def take(self, request: Request) -> Response:
        if request.headers["authorization"] != f"Bearer {KEY}":
            return _refusal(403, "invalid_api_key")
        if self.failures:
            status = self.failures.pop(0)
            return _refusal(status, "rate_limit_exceeded" if status == 429 else "application_error")
        given = await request.json()
        if not {"from", "to", "subject"} <= given.keys() or "@" not in given["to"][0]:
            return _refusal(422, "validation_error")
        key = request.headers["idempotency-key"]
        if self.messages.setdefault(key, given) != given:
            return _refusal(409, "invalid_idempotent_request")
        return JSONResponse({"id": f"id-of-{key}"})

    def webhook(self, type: str, key: str, **more: Any) -> tuple[bytes, dict[str, str]]:
        """The body and the headers with which Resend tells of a message."""
        tags = {tag["name"]: tag["value"] for tag in self.messages[key]["tags"]}
        data = {"email_id": f"id-of-{key}", "to": self.messages[key]["to"], "tags": tags, **more}
        return signed(json.dumps({"type": type, "created_at": "2026-03-01T00:00:00Z", "data": data}).encode())


def signed(body: bytes, secret: bytes = b"for tests only") -> tuple[bytes, dict[str, str]]:
    """A webhook's body with the headers that Svix sends with it: https://docs.svix.com/receiving/verifying-payloads"""
    id, moment = "msg_1", str(int(time.time()))
    signature = base64.b64encode(hmac.digest(secret, f"{id}.{moment}.".encode() + body, "sha256")).decode()
    return body, {"svix-id": id, "svix-timestamp": moment, "svix-signature": f"v1,{signature}"}


def _refusal(status: int, name: str) -> Response:
    return JSONResponse({"statusCode": status, "name": name, "message": "No."}, status)


@asynccontextmanager
async def resend() -> AsyncIterator[Resend]:
    server = Resend()
    async with serving(Starlette(routes=[Route("/emails", server.take, methods=["POST"])])) as server.url:
        yield server
