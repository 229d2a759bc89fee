"""What Razorpay tells by webhooks, whether it is Razorpay that does, and the same as its lists have it.

A webhook is signed without a time, and its id (`x-razorpay-event-id`) is in a header that is not signed. So what is
kept once is what is signed: what has happened to which thing. Told again, under whatever id, it is nothing new; and it
is never believed, but a reason to ask. Source: https://razorpay.com/docs/webhooks/validate-test
"""

import hmac
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from app.core import clock
from app.core.settings import settings
from app.integrations.payments import About, BadSignature, Notice

Thing = Mapping[str, Any]

_ABOUT = {
    "payment.dispute.": (About.DISPUTE, "dispute", "id"),
    "payment.downtime.": (About.NOTHING, "", ""),
    "payment.": (About.PAYMENT, "payment", "order_id"),
    "payout.downtime.": (About.NOTHING, "", ""),
    "payout.": (About.PAYOUT, "payout", "id"),
    "payment_link.": (About.PAGE, "payment_link", "id"),
    "order.paid": (About.SETUP, "order", "id"),
    "token.": (About.METHOD, "token", "id"),
    "refund.": (About.REFUND, "refund", "id"),
}
"""By how a type begins: what it is about, which part of it, and by what that is asked for. What pays an order is told
by `payment.`; `order.paid` says that a method may have been saved. Source: https://razorpay.com/docs/webhooks/payloads"""
_NOTHING = (About.NOTHING, "", "")
_PAYMENTS = {
    "authorized": "payment.authorized",
    "captured": "payment.captured",
    "refunded": "payment.captured",
    "failed": "payment.failed",
}
_PAYOUTS = {"processing": "payout.initiated"}
"""By status, what is told of a payout where that has another name."""
_REFUNDS = {"pending": "refund.created", "processed": "refund.processed", "failed": "refund.failed"}


def about(type: str) -> About:
    """What a type of Razorpay's events is about."""
    return _what(type)[0]


def told(body: bytes, headers: Mapping[str, str]) -> Notice:
    """What a webhook tells. Raises BadSignature."""
    signature, secrets = headers.get("x-razorpay-signature", ""), settings().razorpay_webhook_secrets
    if not any(_signs(secret.get_secret_value(), body, signature) for secret in secrets):
        raise BadSignature("it was signed with no secret of ours")
    try:
        event = orjson.loads(body)
        kind, at = str(event["event"]), int(event["created_at"])
        part = _what(kind)[1]
        thing = event["payload"][part]["entity"] if part else {"id": ""}
        return notice(kind, thing, at)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadSignature(f"it is no event: {error!r}") from None


def notice(kind: str, thing: Thing, at: int) -> Notice:
    """That something has happened to a thing: once to each, but that a token is paused and resumed again and again."""
    what, _, named = _what(kind)
    again = f":{at}" if what is About.METHOD or not named else ""
    ref = str(thing.get(named) or "") if named else ""
    return Notice(ref=f"{kind}:{thing['id']}{again}", type=kind, object_ref=ref, at=clock.at(at))


def of_payment(found: Thing) -> Iterator[Notice]:
    """What a payment in a list has gone through last."""
    if kind := _PAYMENTS.get(found["status"]):
        yield notice(kind, found, int(found["created_at"]))
    if found["captured"] and found.get("token_id") and found.get("order_id"):
        yield notice("order.paid", {"id": found["order_id"]}, int(found["created_at"]))


def of_refund(found: Thing) -> Iterator[Notice]:
    yield notice(_REFUNDS.get(found["status"], "refund.created"), found, int(found["created_at"]))


def of_dispute(found: Thing) -> Iterator[Notice]:
    state = "created" if found["status"] == "open" else found["status"]
    yield notice(f"payment.dispute.{state}", found, int(found["created_at"]))


def of_payout(found: Thing) -> Iterator[Notice]:
    status = found["status"]
    yield notice(_PAYOUTS.get(status, f"payout.{status}"), found, int(found["created_at"]))


def _what(type: str) -> tuple[About, str, str]:
    return next((what for start, what in _ABOUT.items() if type.startswith(start)), _NOTHING)


def _signs(secret: str, body: bytes, signature: str) -> bool:
    made = hmac.new(secret.encode(), body, "sha256").hexdigest()
    return hmac.compare_digest(made.encode(), signature.encode())
