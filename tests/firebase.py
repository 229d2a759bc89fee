"""ID tokens as Firebase makes them, and who publishes the certificate that they are verified with."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from tests.answering import answering

PROJECT = "demo-atrium"


def claims(**changed: Any) -> dict[str, Any]:
    """What a token of somebody new says; `...` leaves something out."""
    moment, somebody = int(time.time()), token_hex(8)
    said = {"iss": f"https://securetoken.google.com/{PROJECT}", "aud": PROJECT, "sub": somebody, "user_id": somebody}
    said |= {"auth_time": moment, "iat": moment, "exp": moment + 600, "name": "Fiona"}  # type: ignore[dict-item]
    said |= {"email": f"{somebody}@example.com", "email_verified": True}  # type: ignore[dict-item]
    return {name: value for name, value in {**said, **changed}.items() if value is not ...}


def emulated(**changed: Any) -> str:
    """A token of Firebase's emulator: nobody has signed it."""
    return jwt.encode(claims(**changed), "", "none")


def _key() -> RSAPrivateKey:
    return generate_private_key(65537, 2048)


@dataclass
class Firebase:
    """Signs tokens."""

    key: RSAPrivateKey = field(default_factory=_key)
    url: str = ""
    fetched: int = 0
    status: int = 200

    def token(self, *, kid: str = "first", key: RSAPrivateKey | None = None, **changed: Any) -> str:
        return jwt.encode(claims(**changed), key or self.key, "RS256", {"kid": kid})

    @property
    def certificate(self) -> str:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "securetoken.system.gserviceaccount.com")])
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(self.key.public_key())
        now = datetime.now(UTC)
        builder = builder.serial_number(1).not_valid_before(now - timedelta(1)).not_valid_after(now + timedelta(9))
        return builder.sign(self.key, SHA256()).public_bytes(Encoding.PEM).decode()


@contextmanager
def publishing() -> Iterator[Firebase]:
    """One whose certificate can be fetched."""
    firebase = Firebase()
    certificate = firebase.certificate

    def answer(path: str, form: dict[str, str]) -> tuple[int, Any]:
        firebase.fetched += 1
        return firebase.status, {"first": certificate}

    with answering(answer, {"cache-control": "max-age=3600"}) as url:
        firebase.url = f"{url}/certificates"
        yield firebase
