"""What Coinbase tells by webhooks, whether it is Coinbase that does, and the same as its list of checkouts has it.

What is kept once is what is signed: what has happened to which checkout, for the id of an event is in a header.
Sources: https://docs.cdp.coinbase.com/webhooks/verify-signatures,
https://docs.cdp.coinbase.com/coinbase-business/checkout-apis/webhooks
"""

import hmac
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import orjson

from app.core import clock
from app.core.settings import settings
from app.integrations.payments import About, BadSignature, Notice

Thing = Mapping[str, Any]

TOLERANCE = 300
"""Seconds that the time of a signature may be off, either way."""
_ABOUT = {"checkout.payment.": About.PAGE, "checkout.refund.": About.REFUNDS}
_PAYMENTS = {
    "COMPLETED": "checkout.payment.success",
    "REFUNDED": "checkout.payment.success",
    "PARTIALLY_REFUNDED": "checkout.payment.success",
    "FAILED": "checkout.payment.failed",
    "EXPIRED": "checkout.payment.expired",
}
_REFUNDS = {"COMPLETED": "checkout.refund.success", "FAILED": "checkout.refund.failed"}


def about(type: str) -> About:
    """What a type of Coinbase's events is about."""
    return next((about for start, about in _ABOUT.items() if type.startswith(start)), About.NOTHING)


def told(body: bytes, headers: Mapping[str, str]) -> Notice:
    """What a webhook tells. Raises BadSignature."""
    parts = dict(part.split("=", 1) for part in headers.get("x-hook0-signature", "").split(",") if "=" in part)
    time = parts.get("t", "")
    if not (time.isascii() and time.isdigit()) or abs(clock.source() - int(time[:12])) > TOLERANCE:
        raise BadSignature("it says no time, or not the present")
    names = parts.get("h", "")
    values = ".".join(headers.get(name, "") for name in names.split(" "))
    signed = {"v0": f"{time}.".encode() + body, "v1": f"{time}.{names}.{values}.".encode() + body}
    secrets = [secret.get_secret_value() for secret in settings().coinbase_webhook_secrets]
    if not any(_signs(secret, signed[name], parts[name]) for secret in secrets for name in signed if name in parts):
        raise BadSignature("it was signed with no secret of ours")
    try:
        checkout = orjson.loads(body)
        return notice(str(checkout["eventType"]), checkout)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadSignature(f"it is no event: {error!r}") from None


def notice(kind: str, checkout: Thing) -> Notice:
    """That something has happened to a checkout: once, but that it is given back in parts."""
    at = datetime.fromisoformat(checkout["updatedAt"])
    again = f":{checkout['updatedAt']}" if about(kind) is not About.PAGE else ""
    ref = f"{kind}:{checkout['id']}{again}"
    return Notice(ref=ref, type=kind, object_ref=str(checkout["id"]), at=clock.at(at.timestamp()))


def of_checkout(checkout: Thing) -> Iterator[Notice]:
    """What a checkout in the list has gone through."""
    if kind := _PAYMENTS.get(checkout["status"]):
        yield notice(kind, checkout)
    ended = [one["status"] for one in checkout.get("refunds") or () if one["status"] in _REFUNDS]
    if ended:
        yield notice(_REFUNDS[ended[-1]], checkout)


def _signs(secret: str, said: bytes, signature: str) -> bool:
    return hmac.compare_digest(hmac.new(secret.encode(), said, "sha256").hexdigest().encode(), signature.encode())
