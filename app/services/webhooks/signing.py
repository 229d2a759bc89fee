"""Secrets of webhooks and what they sign, as Standard Webhooks 1.0 has it (https://www.standardwebhooks.com)."""

import hashlib
import hmac
import secrets
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping

from bson import ObjectId

from app.core import keyring
from app.core.clock import now
from app.core.keyring import Sealed
from app.models import WebhookEndpoint

PREFIX = "whsec_"
_BYTES = 32


def new() -> str:
    return PREFIX + b64encode(secrets.token_bytes(_BYTES)).decode()


async def sealed(organization_id: ObjectId, secret: str) -> Sealed:
    return await keyring.seal(keyring.organization(organization_id), secret)


async def good(endpoint: WebhookEndpoint) -> list[str]:
    """The secrets that sign now, the newest first; none once the organization's key is gone."""
    kept = [endpoint.secret]
    if endpoint.old_secret and endpoint.overlap_until and endpoint.overlap_until > now():
        kept.append(endpoint.old_secret)
    return [secret for one in kept if (secret := await one.text())]


def headers(secrets: Iterable[str], id: str, timestamp: int, body: bytes) -> Mapping[str, str]:
    """What a body is sent with: its id, the moment in seconds since the epoch, and a signature by each secret."""
    signed = b".".join((id.encode(), str(timestamp).encode(), body))
    return {
        "webhook-id": id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{_signature(secret, signed)}" for secret in secrets),
    }


def _signature(secret: str, signed: bytes) -> str:
    key = b64decode(secret.removeprefix(PREFIX))
    return b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
