"""Somebody who says who people are, by OpenID Connect, and lies as a test wants."""

import base64
import hashlib
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from jwt.algorithms import RSAAlgorithm

from app.integrations.oidc import Client, Endpoints
from tests.answering import answering

CLIENT = Client("atrium", "the secret of the client")
REDIRECT = "https://app.example/back"


@dataclass
class Liar:
    """Codes are what `authorize` answers; each is good once."""

    url: str = ""
    said: dict[str, Any] = field(default_factory=dict)
    """What the next tokens say besides, or instead; `...` leaves something out."""
    key: RSAPrivateKey = field(default_factory=lambda: generate_private_key(65537, 2048))
    kid: str = "first"
    published: bool = True
    """Whether it publishes the key that it signs with."""
    token: str | None = None
    """What it answers as an ID token, whatever it would have."""
    status: int = 200
    issuer: str = ""
    strangers: bool = False
    """Whether each code is of somebody whom nobody has seen before."""
    asked: list[str] = field(default_factory=list)
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def endpoints(self) -> Endpoints:
        return Endpoints(f"{self.url}/authorize", f"{self.url}/token", f"{self.url}/keys")

    def authorize(self, url: str) -> tuple[str, str]:
        """Somebody signs in where a browser was sent to: the code and the state that it comes back with."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        code = f"code {len(self._codes)}"
        self._codes[code] = asked
        return code, asked["state"]

    def answer(self, path: str, form: dict[str, str]) -> tuple[int, Any]:
        self.asked.append(path)
        if self.status != 200:
            return self.status, {"error": "server_error"}
        match path:
            case "/.well-known/openid-configuration":
                named = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
                places = {name: f"{self.url}/{place}" for name, place in named.items()}
                return 200, {"issuer": self.issuer or self.url, **places}
            case "/keys":
                key = self.key if self.published else generate_private_key(65537, 2048)
                return 200, {"keys": [{**RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": self.kid}]}
            case "/token":
                return self._exchange(form)
        return 404, {}

    def _exchange(self, form: dict[str, str]) -> tuple[int, Any]:
        asked = self._codes.pop(form.get("code", ""), None)
        proof = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if asked is None or proof.rstrip(b"=").decode() != asked["code_challenge"]:
            return 400, {"error": "invalid_grant"}
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT.id, CLIENT.secret):
            return 401, {"error": "invalid_client"}
        moment = int(time.time())
        claims = {"iss": self.url, "aud": CLIENT.id, "sub": "somebody", "iat": moment, "exp": moment + 600}
        claims |= {"nonce": asked["nonce"], "email": "Ada@Example.com", "email_verified": True, "name": "Ada"}
        if self.strangers:
            somebody = secrets.token_hex(6)
            claims |= {"sub": somebody, "email": f"{somebody}@example.com"}
        claims = {name: value for name, value in {**claims, **self.said}.items() if value is not ...}
        token = self.token or jwt.encode(claims, self.key, "RS256", {"kid": self.kid})
        return 200, {"access_token": "x", "token_type": "Bearer", "id_token": token}


@contextmanager
def lying() -> Iterator[Liar]:
    """One that listens."""
    liar = Liar()
    with answering(liar.answer) as liar.url:
        yield liar
