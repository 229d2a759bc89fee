"""Servers that take messages as those of Firebase, of browsers' makers, of Slack and of Teams do."""

import json
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import http_ece
import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

PROJECT = "demo-atrium"


def text(plain: bytes) -> str:
    """As URLs and JSON carry bytes."""
    return urlsafe_b64encode(plain).rstrip(b"=").decode()


@dataclass
class Vendors:
    """What has arrived; `status` is what every answer has."""

    url: str = ""
    status: int = 200
    pushed: list[dict[str, Any]] = field(default_factory=list)
    posted: list[tuple[bytes, dict[str, str]]] = field(default_factory=list)

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/token", self._token, methods=["POST"]),
                Route(f"/v1/projects/{PROJECT}/messages:send", self._push, methods=["POST"]),
                Route("/hook", self._post, methods=["POST"]),
            ]
        )

    def account(self, folder: Path) -> Path:
        """The file of a service account whose tokens are made here."""
        key = rsa.generate_private_key(65537, 2048)
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        about = {"type": "service_account", "project_id": PROJECT, "client_email": "a@b.iam.gserviceaccount.com"}
        file = folder / "account.json"
        file.write_text(json.dumps({**about, "private_key": pem, "token_uri": f"{self.url}/token"}))
        return file

    async def _token(self, request: Request) -> Response:
        return JSONResponse({"access_token": "opened", "expires_in": 3600, "token_type": "Bearer"})

    async def _push(self, request: Request) -> Response:
        """https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages/send"""
        assert request.headers["authorization"] == "Bearer opened"
        if self.status == 404:
            details = [{"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": "UNREGISTERED"}]
            return JSONResponse({"error": {"code": 404, "status": "NOT_FOUND", "message": "", "details": details}}, 404)
        self.pushed.append((await request.json())["message"])
        return JSONResponse({"name": f"projects/{PROJECT}/messages/{len(self.pushed)}"})

    async def _post(self, request: Request) -> Response:
        self.posted.append((await request.body(), dict(request.headers)))
        return Response(status_code=self.status, headers={"retry-after": "7"})


class Browser:
    """One that has subscribed, and can read what it gets."""

    def __init__(self) -> None:
        self._key, self._auth = ec.generate_private_key(ec.SECP256R1()), bytes(range(16))

    @property
    def keys(self) -> dict[str, str]:
        point = self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return {"p256dh": text(point), "auth": text(self._auth)}

    def read(self, body: bytes) -> dict[str, Any]:
        """What was sealed for it."""
        plain = http_ece.decrypt(body, private_key=self._key, auth_secret=self._auth, version="aes128gcm")
        return dict(json.loads(plain))


def vouched(authorization: str, key: ec.EllipticCurvePublicKey) -> dict[str, Any]:
    """What the sender says of itself, if it is who has this key (RFC 8292)."""
    scheme, _, parameters = authorization.partition(" ")
    given = dict(part.strip().split("=", 1) for part in parameters.split(","))
    point = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    assert (scheme, given["k"]) == ("vapid", text(point))
    return dict(jwt.decode(given["t"], key, algorithms=["ES256"], options={"verify_aud": False}))
