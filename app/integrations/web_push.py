"""Web Push: messages that only a browser can read (RFC 8030, 8291), from a sender who proves who it is (RFC 8292)."""

from base64 import urlsafe_b64decode
from collections.abc import Mapping
from email.utils import parseaddr
from functools import cache
from typing import Any, cast

import orjson
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from webpush import WebPush, WebPushSubscription
from webpush.vapid import VAPID

from app.core.settings import settings

LASTS = 24 * 3600
"""Seconds for which a message waits for a browser that is away."""


def public_key() -> str | None:
    """What browsers subscribe with (`applicationServerKey`); None where there is no key."""
    return VAPID.get_application_server_key(_key().public_key()) if settings().vapid_key else None


def sealed(subscription: Mapping[str, Any], said: Mapping[str, Any]) -> tuple[bytes, dict[str, str]]:
    """A message that only the subscribed browser can read, and the headers to send it with."""
    made = _sender().get(orjson.dumps(said), WebPushSubscription.model_validate(subscription))
    headers = cast("Mapping[str, str]", made.headers)
    return made.encrypted, {**headers, "content-type": "application/octet-stream", "urgency": "normal"}


@cache
def _sender() -> WebPush:
    key = _key()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return WebPush(private, public, subscriber=parseaddr(settings().mail_from)[1], ttl=LASTS)


def _key() -> ec.EllipticCurvePrivateKey:
    stored = settings().vapid_key
    assert stored, "asked of who has none"
    given = stored.get_secret_value()
    return ec.derive_private_key(int.from_bytes(urlsafe_b64decode(given + "=" * (-len(given) % 4))), ec.SECP256R1())
