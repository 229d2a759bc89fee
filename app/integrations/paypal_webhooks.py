"""What PayPal tells by webhooks, and whether it is PayPal that does, without asking it about each.

It signs the id and the time of a transmission, the webhook's id and a CRC-32 of the body, by the key of a certificate.
A CRC keeps nobody who has overheard one from writing another body for it: so what is told is but a reason to ask.
PayPal could be asked to verify a webhook, but then whoever sends rubbish has us call it, and it checks no time.
Source: https://developer.paypal.com/api/rest/webhooks/rest
"""

import binascii
import re
import zlib
from base64 import b64decode
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from app.core import clock
from app.core.settings import settings
from app.integrations.payments import About, BadSignature, Notice

TOLERANCE = 300
"""Seconds that the time of a transmission may be off, either way."""
_ID = ("id",)
_ABOUT = {
    "CHECKOUT.ORDER.": (About.PAGE, _ID),
    "CHECKOUT.PAYMENT-APPROVAL.": (About.PAGE, ("order_id",)),
    "PAYMENT.CAPTURE.REFUNDED": (About.REFUND, _ID),
    "PAYMENT.CAPTURE.REVERSED": (About.NOTHING, _ID),
    "PAYMENT.CAPTURE.": (About.PAGE, ("supplementary_data", "related_ids", "order_id")),
    "PAYMENT.REFUND.": (About.REFUND, _ID),
    "VAULT.PAYMENT-TOKEN.": (About.METHOD, _ID),
    "CUSTOMER.DISPUTE.": (About.DISPUTE, ("dispute_id",)),
}
"""By how a type begins: what it is about, and where the id of that is. What is captured is told by its order, which may
be a page and be over with it; what is reversed, by its dispute.
Source: https://developer.paypal.com/api/rest/webhooks/event-names"""
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z")


def about(type: str) -> About:
    """What a type of PayPal's events is about."""
    return _what(type)[0]


def certificate(headers: Mapping[str, str]) -> str:
    """Where the certificate is by which a webhook is said to be signed now. Raises BadSignature."""
    time = headers.get("paypal-transmission-time", "")
    if not _MOMENT.fullmatch(time) or abs(clock.source() - _seconds(time)) > TOLERANCE:
        raise BadSignature("it says no time, or not the present")
    if not settings().paypal_webhook_ids or headers.get("paypal-auth-algo") != "SHA256withRSA":
        raise BadSignature("there is no webhook of ours, or it is not signed as we know")
    return headers.get("paypal-cert-url", "")


def told(body: bytes, headers: Mapping[str, str], key: RSAPublicKey) -> Notice:
    """What a webhook tells that the owner of a key has signed. Raises BadSignature."""
    id, time = (headers.get(f"paypal-transmission-{name}", "") for name in ("id", "time"))
    try:
        signature = b64decode(headers.get("paypal-transmission-sig", ""), validate=True)
    except binascii.Error:
        raise BadSignature("its signature is none") from None
    said = (f"{id}|{time}|{webhook}|{zlib.crc32(body)}" for webhook in settings().paypal_webhook_ids)
    if not any(_signs(key, signature, message.encode()) for message in said):
        raise BadSignature("it was not signed so, or for no webhook of ours")
    try:
        return notice(orjson.loads(body))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadSignature(f"it is no event: {error!r}") from None


def _signs(key: RSAPublicKey, signature: bytes, message: bytes) -> bool:
    try:
        key.verify(signature, message, PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


def notice(event: Mapping[str, Any]) -> Notice:
    kind, found = str(event["event_type"]), event["resource"]
    for name in _what(kind)[1]:
        found = (found or {}).get(name)
    return Notice(
        ref=str(event["id"]),
        type=kind,
        object_ref=str(found or ""),
        at=clock.at(_seconds(event["create_time"])),
    )


def _seconds(time: str) -> float:
    """Since the epoch. Raises ValueError."""
    return datetime.fromisoformat(time).timestamp()


def _what(type: str) -> tuple[About, tuple[str, ...]]:
    return next((what for start, what in _ABOUT.items() if type.startswith(start)), (About.NOTHING, ()))
