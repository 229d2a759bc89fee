"""Payments by PayPal (https://developer.paypal.com/api/rest), for `services.billing.providers`.

An order is captured once, whatever becomes of keys, which PayPal knows for six hours only; so an order is made first,
where no money moves, and its id kept. Of a capture that was declined nothing is left to look up: so one of a saved
method is asked for once (`REPEATS`). On a page the customer approves of an order, which is for us to capture then.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import quote

import httpx

from app.core import clock
from app.core.outside import Outside
from app.core.settings import settings
from app.integrations import paypal_certificates, paypal_client, paypal_objects, paypal_webhooks
from app.integrations.payments import (
    BadSignature,
    DisputeSeen,
    Labels,
    MethodSeen,
    NoAnswer,
    Notice,
    NotVerified,
    Order,
    PageSeen,
    PaymentSeen,
    RefundSeen,
    Refused,
    Stage,
    Unknown,
    noted,
)
from app.integrations.paypal_amounts import to_paypal
from app.integrations.paypal_client import client
from app.integrations.paypal_objects import METHOD, Thing
from app.integrations.paypal_webhooks import about as about

REPEATS = False
PAGES_SAVE = True
PAGE = 100
"""Things in one answer at most."""
SPOKEN = 127
"""Characters of a description that are shown."""
ORDERS, CAPTURES, REFUNDS = "/v2/checkout/orders", "/v2/payments/captures", "/v2/payments/refunds"
TOKENS, DISPUTES, EVENTS = "/v3/vault/payment-tokens", "/v1/customer/disputes", "/v1/notifications/webhooks-events"
SERVER = Outside("paypal", timeout=30, concurrency=paypal_client.CONNECTIONS, refusals=(Refused,))


CERTIFICATES = Outside("paypal certificates", timeout=10, concurrency=4, waiting=16, refusals=(BadSignature,))
"""Apart from payments, for it is strangers who have us ask for them."""


def configured() -> bool:
    """Whether payments can be made by PayPal here."""
    return bool(settings().paypal_client_id) and settings().paypal_client_secret is not None


async def customer(labels: Labels, key: str) -> str:
    """What PayPal keeps of a customer beside what they save; it makes none before."""
    return paypal_objects.customer_ref(labels)


async def method(ref: str) -> MethodSeen:
    """How a method is; one that PayPal does not know any more has gone."""
    async with SERVER.call():
        try:
            return paypal_objects.method(await _ask("GET", _at(TOKENS, ref)))
        except Unknown:
            return paypal_objects.forgotten(ref)


async def forget_method(ref: str) -> None:
    """Let a method be charged no more. Raises Refused, Unknown."""
    async with SERVER.call():
        await _ask("DELETE", _at(TOKENS, ref))


async def page(order: Order, success_url: str, cancel_url: str, *, save: bool, key: str) -> PageSeen:
    """Make a page on which an order is approved of; `save` keeps the method for later. Raises Refused."""
    source: dict[str, Any] = {
        "experience_context": {
            "return_url": success_url,
            "cancel_url": cancel_url,
            "user_action": "PAY_NOW",
            "shipping_preference": "NO_SHIPPING",
        }
    }
    if save:
        vault = {"store_in_vault": "ON_SUCCESS", "usage_type": "MERCHANT", "permit_multiple_payment_tokens": True}
        source["attributes"] = {"customer": {"merchant_customer_id": order.customer_ref}, "vault": vault}
    new = {**_new(order, "page"), "payment_source": {"paypal": source}}
    async with SERVER.call():
        return paypal_objects.page(await _post(ORDERS, new, key))


async def page_seen(ref: str) -> PageSeen:
    """How a page is; one that PayPal does not know any more is over."""
    async with SERVER.call():
        return await _page(ref)


async def close_page(ref: str) -> PageSeen:
    """The same. PayPal closes no pages: one is given up by not capturing what is approved on it."""
    async with SERVER.call():
        return await _page(ref)


async def prepare(order: Order, method_ref: str, key: str) -> PaymentSeen:
    """Let a method be ready to be charged: no money moves before `confirm`. Raises Refused."""
    async with SERVER.call():
        return paypal_objects.payment(await _post(ORDERS, _new(order, METHOD + method_ref), key))


async def confirm(ref: str, key: str) -> PaymentSeen:
    """Capture an order: one that was approved of on a page, or one that was prepared, from the saved method."""
    async with SERVER.call():
        order = await _order(ref)
        seen = paypal_objects.payment(order)
        if seen.stage not in (Stage.OPEN, Stage.APPROVED):
            return seen
        try:
            await _post(f"{_at(ORDERS, ref)}/capture", _by(order), key)
        except Refused as error:  # declined, or captured before: how it is now says which
            seen = paypal_objects.payment(await _order(ref))
            hard = error.code in paypal_objects.HARD
            declined = replace(seen, stage=Stage.FAILED, code=error.code, hard=hard)
            return declined if seen.stage in (Stage.OPEN, Stage.APPROVED) else seen
        return paypal_objects.payment(await _order(ref))


async def payment(ref: str) -> PaymentSeen:
    """How a payment is; what PayPal does not know any more was not paid in time."""
    async with SERVER.call():
        return await _payment(ref)


async def cancel(ref: str) -> PaymentSeen:
    """Let a payment never be made, if it was not. PayPal closes no orders: nobody is to confirm it after this."""
    async with SERVER.call():
        seen = await _payment(ref)
    return replace(seen, stage=Stage.CANCELLED) if seen.stage in (Stage.OPEN, Stage.APPROVED) else seen


async def refund(payment_ref: str, amount: int, currency: str, labels: Labels, key: str) -> RefundSeen:
    """Give money back. Raises Refused."""
    async with SERVER.call():
        taken = paypal_objects.capture(await _order(payment_ref))
        if taken is None:
            raise Refused("not_paid")
        asked = {"amount": to_paypal(amount, currency), "custom_id": noted(labels)}
        made = await _post(f"{_at(CAPTURES, taken['id'])}/refund", asked, key)
        return paypal_objects.refund(made, payment_ref)


async def refund_seen(ref: str) -> RefundSeen:
    """Raises Unknown."""
    async with SERVER.call():
        found = await _ask("GET", _at(REFUNDS, ref))
        return paypal_objects.refund(found, await _order_of(paypal_objects.linked(found, "up")))


async def refunds(payment_ref: str) -> list[RefundSeen]:
    """Those of a payment."""
    async with SERVER.call():
        return [paypal_objects.refund(one, payment_ref) for one in paypal_objects.refunds(await _order(payment_ref))]


async def dispute(ref: str) -> DisputeSeen:
    """Raises Unknown."""
    async with SERVER.call():
        found = await _ask("GET", _at(DISPUTES, ref))
        disputed = (found.get("disputed_transactions") or [{}])[0].get("seller_transaction_id")
        return paypal_objects.dispute(found, await _order_of(str(disputed or "")))


async def notices(since: datetime) -> list[Notice]:
    """What has happened since a moment within the last 30 days, the newest first."""
    found, more = list[Notice](), True
    place, asked = EVENTS, {"page_size": str(PAGE), "start_time": _said(since), "end_time": _said(clock.now())}
    while more:
        async with SERVER.call():
            events = await _ask("GET", place, params=asked or None)
        found += [paypal_webhooks.notice(one) for one in events["events"]]
        following = [one["href"] for one in events.get("links") or () if one["rel"] == "next"]
        more = bool(events["events"]) and bool(following)
        if more:  # of its address only what is asked counts, so that our token goes nowhere else
            place, asked = f"{EVENTS}?{following[0].partition('?')[2]}", {}
    return sorted(found, key=lambda one: one.at, reverse=True)


async def told(body: bytes, headers: Mapping[str, str]) -> Notice:
    """What a webhook tells. Raises BadSignature, NotVerified, Away."""
    url = paypal_webhooks.certificate(headers)
    key = paypal_certificates.known(url)
    if key is None:
        async with CERTIFICATES.call():
            key = paypal_certificates.keep(url, await _fetched(url))
    return paypal_webhooks.told(body, headers, key)


def _new(order: Order, reference: str) -> dict[str, Any]:
    """An order; that no two payments have one `invoice_id` is PayPal's own guard against paying twice."""
    unit = {
        "reference_id": reference,
        "amount": to_paypal(order.amount, order.currency),
        "description": order.description[:SPOKEN],
        "custom_id": noted(order.labels),
        "invoice_id": order.labels["payment"],
    }
    return {"intent": "CAPTURE", "purchase_units": [unit]}


def _by(order: Thing) -> dict[str, Any]:
    """By what an order is paid.

    Source: https://developer.paypal.com/docs/checkout/save-payment-methods/during-purchase/orders-api/paypal
    """
    reference = str(paypal_objects.unit(order).get("reference_id") or "")
    if not reference.startswith(METHOD):
        return {}
    stored = {"payment_initiator": "MERCHANT", "usage": "SUBSEQUENT", "usage_pattern": "UNSCHEDULED_POSTPAID"}
    return {"payment_source": {"paypal": {"vault_id": reference.removeprefix(METHOD), "stored_credential": stored}}}


async def _post(path: str, body: Any, key: str) -> Any:
    """Have something done, once for the key while PayPal knows it. Raises Unknown, Refused, NoAnswer."""
    return await _ask("POST", path, json=body, headers={"PayPal-Request-Id": key})


async def _ask(method: str, path: str, **more: Any) -> Any:
    """Raises Unknown, Refused, NoAnswer."""
    try:
        response = await client().request(method, path, **more)
    except httpx.HTTPError as error:
        raise NoAnswer(repr(error)) from None
    return paypal_client.read(response)


async def _fetched(url: str) -> bytes:
    """A certificate, and those between it and a root. Raises BadSignature, NotVerified."""
    try:
        async with httpx.AsyncClient(timeout=CERTIFICATES.timeout) as http, http.stream("GET", url) as response:
            if 400 <= response.status_code < 500:
                raise BadSignature("there is no such certificate at PayPal's")
            body = bytearray()
            async for part in response.aiter_bytes():
                body += part
                if response.status_code != 200 or len(body) > paypal_certificates.MAX_BYTES:
                    break
            else:
                return bytes(body)
    except httpx.HTTPError as error:
        raise NotVerified(repr(error)) from None
    raise NotVerified(f"{response.status_code}, and no certificate")


async def _page(ref: str) -> PageSeen:
    try:
        return paypal_objects.page(await _order(ref))
    except Unknown:
        return paypal_objects.lapsed(ref)


async def _payment(ref: str) -> PaymentSeen:
    try:
        return paypal_objects.payment(await _order(ref))
    except Unknown:
        return paypal_objects.gone(ref)


async def _order(ref: str) -> Thing:
    """Raises Unknown."""
    found: Thing = await _ask("GET", _at(ORDERS, ref))
    return found


async def _order_of(capture_id: str) -> str:
    """The order that a capture is of. Raises Unknown for one that is of none."""
    found = await _ask("GET", _at(CAPTURES, capture_id)) if capture_id else {}
    related = (found.get("supplementary_data") or {}).get("related_ids") or {}
    if not related.get("order_id"):
        raise Unknown("no_order", capture_id)
    return str(related["order_id"])


def _at(place: str, ref: str) -> str:
    """What is called so in a place; what a webhook has named leads nowhere else."""
    return f"{place}/{quote(ref, safe='')}"


def _said(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
