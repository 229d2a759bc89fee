"""What Stripe tells by webhooks, and whether it is Stripe that does."""

import re
from collections.abc import Mapping
from typing import Any

import orjson
import stripe

from app.core import clock
from app.core.settings import settings
from app.integrations.payments import About, BadSignature, Notice

TOLERANCE = 300
"""Seconds that the time of a signature may be off, either way."""
_ABOUT = {
    "payment_intent.": About.PAYMENT,
    "checkout.session.": About.PAGE,
    "setup_intent.": About.SETUP,
    "payment_method.": About.METHOD,
    "refund.": About.REFUND,
    "charge.refund.": About.REFUND,
    "charge.refunded": About.REFUNDS,
    "charge.dispute.": About.DISPUTE,
    "account.updated": About.ACCOUNT,
    "payout.": About.PAYOUT,
}
"""By how the type of an event begins. Source: https://docs.stripe.com/api/events/types"""
_MOMENT = re.compile(r"(?:^|,)t=([0-9]{1,12})(?=,|$)")


def about(type: str) -> About:
    """What a type of Stripe's events is about."""
    return next((about for start, about in _ABOUT.items() if type.startswith(start)), About.NOTHING)


def told(body: bytes, headers: Mapping[str, str]) -> Notice:
    """What a webhook tells. Raises BadSignature."""
    signed, secrets = headers.get("stripe-signature", ""), settings().stripe_webhook_secrets
    moments = _MOMENT.findall(signed)
    if len(moments) != 1 or abs(clock.source() - int(moments[0])) > TOLERANCE:
        raise BadSignature("it says no time, or not the present")
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise BadSignature("it is not UTF-8") from None
    if not any(_signs(secret.get_secret_value(), text, signed) for secret in secrets):
        raise BadSignature("it was signed with no secret of ours")
    try:
        return notice(orjson.loads(text))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadSignature(f"it is no event: {error!r}") from None


def _signs(secret: str, text: str, signed: str) -> bool:
    try:
        stripe.WebhookSignature.verify_header(text, signed, secret)
    except stripe.SignatureVerificationError:
        return False
    return True


def notice(event: Mapping[str, Any]) -> Notice:
    kind, thing = str(event["type"]), event["data"]["object"]
    ref = thing.get("payment_intent" if about(kind) is About.REFUNDS else "id")
    return Notice(
        ref=str(event["id"]),
        type=kind,
        object_ref=str(ref or ""),
        account_ref=str(event.get("account") or ""),
        at=clock.at(int(event["created"])),
    )
