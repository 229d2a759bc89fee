"""A server that speaks the part of Twilio's REST API by which text messages are sent, in the test's own loop."""

import base64
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.integrations.serving import serving

ACCOUNT, TOKEN, SENDER = "AC" + "0" * 32, "the token of an account", "+15005550006"


@dataclass
class Twilio:
    """What was sent; `failures` are the statuses of the next answers, used up one by one."""

    url: str = ""
    messages: list[dict[str, str]] = field(default_factory=list)
    failures: list[int] = field(default_factory=list)
    stopped: set[str] = field(default_factory=set)
    """Numbers whose owners have written STOP."""

    @property
    def environment(self) -> dict[str, str]:
        return {
            "TWILIO_ACCOUNT_SID": ACCOUNT,
            "TWILIO_AUTH_TOKEN": TOKEN,
            "TWILIO_FROM": SENDER,
            "TWILIO_URL": self.url,
        }

    def codes(self, number: str) -> list[str]:
        """The codes in the messages to a number, the newest last."""
        return [re.findall(r"\b\d{6}\b", one["Body"])[0] for one in self.messages if one["To"] == number]

    async def create(self, request: Request) -> Response:
        """https://www.twilio.com/docs/messaging/api/message-resource#create-a-message-resource"""
        if request.headers["authorization"] != f"Basic {base64.b64encode(f'{ACCOUNT}:{TOKEN}'.encode()).decode()}":
            return _refusal(401, 20003)
        given = dict(parse_qsl((await request.body()).decode()))
        if self.failures:
            return _refusal(self.failures.pop(0), 20500)
        if not given.get("Body") or not re.fullmatch(r"\+\d{8,15}", given.get("To", "")):
            return _refusal(400, 21211)
        if given["To"] in self.stopped:
            return _refusal(400, 21610)
        self.messages.append(given)
        sid = f"SM{len(self.messages):032x}"
        made: dict[str, Any] = {"sid": sid, "account_sid": ACCOUNT, "status": "queued", "to": given["To"]}
        return JSONResponse({**made, "from": given["From"], "body": given["Body"], "num_segments": "1"}, 201)


def _refusal(status: int, code: int) -> Response:
    return JSONResponse({"code": code, "message": "No.", "more_info": "", "status": status}, status)


@asynccontextmanager
async def twilio() -> AsyncIterator[Twilio]:
    server = Twilio()
    path = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
    async with serving(Starlette(routes=[Route(path, server.create, methods=["POST"])])) as server.url:
        yield server
