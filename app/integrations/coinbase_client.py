"""What asks Coinbase in the name of a business, and what its answers are. Each call is given a token signed for it.

Coinbase's own client (cdp-sdk) has no checkouts, and brings along all that it takes to speak to chains.
Source: https://docs.cdp.coinbase.com/get-started/authentication/jwt-authentication
"""

import hashlib
import secrets
import uuid
from base64 import b64decode
from collections.abc import Generator
from functools import cache
from typing import Any

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from app.core import clock
from app.core.settings import settings
from app.integrations.payments import NoAnswer, Refused, Unknown

TIMEOUT = 15
"""Seconds for each part of an answer."""
CONNECTIONS = 16
LASTS = 120
"""Seconds for which a token is good."""
_PASSING = frozenset((401, 403, 408, 409, 425, 429))
"""Statuses of what is not done now, and may be later: 401 and 403 say that the key is wrong, and not the payment."""


class Signed(httpx.Auth):
    """Signs a token for each request, which is good for nothing else."""

    def __init__(self, id: str, secret: str) -> None:
        self._id = id
        self._key, self._algorithm = _read_key(secret)

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        at, uri = int(clock.source()), f"{request.method} {request.url.host}{request.url.path}"
        claims = {"iss": "cdp", "sub": self._id, "nbf": at, "exp": at + LASTS, "uri": uri, "uris": [uri]}
        headers = {"kid": self._id, "nonce": secrets.token_hex(16)}
        token = jwt.encode(claims, self._key, self._algorithm, headers)
        request.headers["Authorization"] = f"Bearer {token}"
        yield request


def client() -> httpx.AsyncClient:
    """The client of the platform's business. Raises Refused where there is no key."""
    known = settings()
    if not known.coinbase_key_id or known.coinbase_key_secret is None:
        raise Refused("not_configured", "there is no key of Coinbase's")
    secret = known.coinbase_key_secret.get_secret_value()
    return _made(str(known.coinbase_api_url).rstrip("/"), known.coinbase_key_id, secret)


@cache
def _made(url: str, id: str, secret: str) -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=CONNECTIONS)
    return httpx.AsyncClient(base_url=url, auth=Signed(id, secret), timeout=TIMEOUT, limits=limits)


def once(key: str) -> dict[str, str]:
    """The header by which a repeated call is known, which has to be a UUID of version 4."""
    return {"X-Idempotency-Key": str(uuid.UUID(bytes=hashlib.sha256(key.encode()).digest()[:16], version=4))}


def read(response: httpx.Response) -> Any:
    """What is in an answer. Raises Unknown, Refused, NoAnswer."""
    try:
        said: Any = response.json()
    except ValueError:
        raise NoAnswer(f"{response.status_code}, and no JSON") from None
    if response.is_success:
        return said
    found = said if isinstance(said, dict) else {}
    code, text = str(found.get("errorType") or "invalid_request"), str(found.get("errorMessage") or "")
    if response.status_code >= 500 or response.status_code in _PASSING:
        raise NoAnswer(f"{response.status_code} {code}: {text}")
    kind = Unknown if response.status_code == 404 else Refused
    raise kind(code.lower(), text)


def _read_key(secret: str) -> tuple[Any, str]:
    """A key, and by what it signs. Raises Refused for what is none."""
    try:
        if "-----BEGIN" in secret:
            key: Any = load_pem_private_key(secret.replace("\\n", "\n").encode(), None)
        else:
            key = Ed25519PrivateKey.from_private_bytes(b64decode(secret, validate=True)[:32])
    except (ValueError, TypeError) as error:
        raise Refused("not_configured", "the secret of Coinbase's key is no key") from error
    return key, "EdDSA" if isinstance(key, Ed25519PrivateKey) else "ES256"
