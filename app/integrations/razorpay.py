"""Payments by Razorpay's own client (https://razorpay.com/docs/api), for `services.billing.providers`.

Razorpay has keys for refunds only. What else could be made twice is found by its receipt, or is asked for once
(`REPEATS`); an answer that was lost is looked up. The client is synchronous: it works in threads of its own.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from razorpay import Client

from app.core import clock
from app.core.outside import Outside
from app.core.settings import settings
from app.integrations import razorpay_objects, razorpay_webhooks
from app.integrations.payments import (
    DisputeSeen,
    Labels,
    MethodKind,
    MethodSeen,
    Notice,
    Order,
    PageSeen,
    PaymentSeen,
    RefundSeen,
    Refused,
    SetupSeen,
    Stage,
    Unknown,
    labels_in,
    tags,
)
from app.integrations.razorpay_amounts import checked
from app.integrations.razorpay_client import CONNECTIONS, ask
from app.integrations.razorpay_objects import Method, Thing
from app.integrations.razorpay_webhooks import about as about

REPEATS = PAGES_SAVE = False
SAVES: Sequence[MethodKind] = (MethodKind.UPI, MethodKind.CARD)
RUPEE = 100
"""Paise by which a method is tried when it is saved, and which are given back."""
MOST = 1_500_000
"""Paise that a mandate allows in one charge: what UPI AutoPay moves without asking the customer."""
ALLOWED = timedelta(days=3_650)
"""For how long a mandate is good."""
LASTS = timedelta(days=1)
"""For how long a page can be paid on."""
DECIDED = timedelta(days=180)
"""By when a dispute is over."""
PAGE = 100
"""Things in one answer at most."""
_SETUP, _METHOD = "setup", "method"
"""Notes of ours on orders: that it only tries a method, and by what it is to be paid."""
SERVER = Outside("razorpay", timeout=30, concurrency=CONNECTIONS, refusals=(Refused,))


async def told(body: bytes, headers: Mapping[str, str]) -> Notice:
    """What a webhook tells. Raises BadSignature."""
    return razorpay_webhooks.told(body, headers)


def configured() -> bool:
    """Whether payments can be made by Razorpay here."""
    return bool(settings().razorpay_key_id) and settings().razorpay_key_secret is not None


async def customer(labels: Labels, key: str) -> str:
    """Make a customer, and answer what Razorpay calls them. Raises Refused."""
    new = {"name": f"Customer {labels['customer']}", "fail_existing": "0", "notes": tags(labels)}
    async with SERVER.call():
        made = await ask(lambda client: client.customer.create(new))
    if labels_in(made["notes"]) != labels:  # Razorpay answers with one who is there, if it takes them for the same
        raise Refused("customer_of_another")
    return str(made["id"])


async def setup(customer_ref: str, kind: MethodKind, labels: Labels, key: str) -> SetupSeen:
    """Let a customer allow charges of their UPI account, or of a card. Raises Refused.

    Checkout in their browser needs both parts of the `secret`: the order, and after a slash the customer.
    """
    new = {
        "amount": RUPEE,
        "currency": "INR",
        "customer_id": customer_ref,
        "method": kind.value,
        "payment_capture": True,
        "receipt": key[:40],
        "notes": {**tags(labels), _SETUP: "1"},
        "token": {
            "max_amount": MOST,
            "expire_at": int((clock.now() + ALLOWED).timestamp()),
            "frequency": "as_presented",
        },
    }
    async with SERVER.call():
        made = await ask(lambda client: client.order.create(new))
    return SetupSeen(ref=made["id"], stage=Stage.OPEN, labels=labels, secret=f"{made['id']}/{customer_ref}")


async def setup_seen(ref: str) -> SetupSeen:
    """Whether an order has saved a method. What was paid to try it is given back. Raises Unknown."""

    def look(client: Client) -> SetupSeen:
        order = client.order.fetch(ref, {})
        seen = SetupSeen(ref=ref, stage=Stage.OPEN, labels=labels_in(order["notes"]))
        if _SETUP not in order["notes"]:
            return replace(seen, labels={})  # it is paid for something
        paid = razorpay_objects.paid(_attempts(client, ref))
        if paid is None or not paid.get("token_id"):
            return seen
        stage = razorpay_objects.standing(client.token.fetch(paid["customer_id"], paid["token_id"], {}))
        if not paid["amount_refunded"]:
            with suppress(Refused):  # such as for want of a balance: the method is saved all the same
                _give_back(client, paid["id"], {"amount": paid["amount"]}, f"setup-{paid['id']}")
        saved = Method(paid["token_id"], paid["customer_id"], paid["id"]).ref
        return replace(seen, stage=stage, method_ref=saved)

    async with SERVER.call():
        return await ask(look)


async def method(ref: str) -> MethodSeen:
    """Raises Unknown."""
    parts = Method.of(ref)

    def look(client: Client) -> MethodSeen:
        customer = client.customer.fetch(parts.customer, {})
        try:
            token = client.token.fetch(parts.customer, parts.token, {})
        except Unknown:
            return razorpay_objects.gone(ref)
        return razorpay_objects.method(ref, token, customer)

    async with SERVER.call():
        return await ask(look)


async def forget_method(ref: str) -> None:
    """Let a method be charged no more. Raises Refused, Unknown."""
    parts = Method.of(ref)

    def forget(client: Client) -> None:
        token = client.token.fetch(parts.customer, parts.token, {})
        if razorpay_objects.standing(token) is not Stage.FAILED:
            by = client.token.cancel if token["method"] == MethodKind.UPI else client.token.delete
            by(parts.customer, parts.token, {})

    async with SERVER.call():
        await ask(forget)


async def page(order: Order, success_url: str, cancel_url: str, *, save: bool, key: str) -> PageSeen:
    """Make a page on which an order is paid, one for each payment of ours. Raises Refused.

    It has no way back but that of who has paid, and keeps no method.
    """
    if save:
        raise Refused("page_keeps_no_method")
    reference = order.labels["payment"]
    new = {
        "amount": checked(order.amount, order.currency),
        "currency": order.currency,
        "accept_partial": False,
        "description": order.description,
        "reference_id": reference,
        "expire_by": int((clock.now() + LASTS).timestamp()),
        "notify": {"sms": False, "email": False},
        "reminder_enable": False,
        "callback_url": success_url,
        "callback_method": "get",
        "notes": tags(order.labels),
    }

    def make(client: Client) -> Any:
        try:
            return client.payment_link.create(new)
        except Refused:  # if there is one for this reference, that is the page
            found = client.payment_link.all({"reference_id": reference})["payment_links"]
            same = [one for one in found if one["reference_id"] == reference]
            if not same:
                raise
            return same[0]

    async with SERVER.call():
        return razorpay_objects.page(await ask(make))


async def page_seen(ref: str) -> PageSeen:
    """Raises Unknown."""
    async with SERVER.call():
        return razorpay_objects.page(await ask(lambda client: client.payment_link.fetch(ref, {})))


async def close_page(ref: str) -> PageSeen:
    """Let nobody pay on a page any more; one on which somebody has paid stays as it is."""

    def close(client: Client) -> Any:
        found = client.payment_link.fetch(ref, {})
        if found["status"] != "created":
            return found
        try:
            return client.payment_link.cancel(ref)
        except Refused:  # somebody has paid meanwhile: how it is now says so
            return client.payment_link.fetch(ref, {})

    async with SERVER.call():
        return razorpay_objects.page(await ask(close))


async def prepare(order: Order, method_ref: str, key: str) -> PaymentSeen:
    """Let a method be ready to be charged: no money moves before `confirm`. Raises Refused."""
    receipt = order.labels["payment"]
    new = {
        "amount": checked(order.amount, order.currency),
        "currency": order.currency,
        "receipt": receipt,
        "payment_capture": True,
        "notes": {**tags(order.labels), _METHOD: Method.of(method_ref).ref},
    }

    def make(client: Client) -> Any:
        before = [one for one in client.order.all({"receipt": receipt})["items"] if one["receipt"] == receipt]
        return before[0] if before else client.order.create(new)

    async with SERVER.call():
        return razorpay_objects.payment(await ask(make), [])


async def confirm(ref: str, key: str) -> PaymentSeen:
    """Charge what is prepared, with the customer away. It is not to be called again: look up what has come of it."""

    def charge(client: Client) -> PaymentSeen:
        order = client.order.fetch(ref, {})
        seen = _seen(client, order)
        if seen.stage is not Stage.OPEN:
            return seen
        by = Method.of(order["notes"][_METHOD])
        whom = client.payment.fetch(by.allowed_by, {})
        try:
            client.payment.createRecurring(_recurring(order, by, whom))
        except Refused as error:
            seen = _seen(client, client.order.fetch(ref, {}))
            refused = replace(seen, stage=Stage.FAILED, code=error.code, hard=True)
            return refused if seen.stage is Stage.OPEN else seen
        return _seen(client, client.order.fetch(ref, {}))

    async with SERVER.call():
        return await ask(charge)


async def payment(ref: str) -> PaymentSeen:
    """Raises Unknown."""
    async with SERVER.call():
        return await ask(lambda client: _seen(client, client.order.fetch(ref, {})))


async def cancel(ref: str) -> PaymentSeen:
    """Let a payment never be made, if it was not. Razorpay closes no orders: nobody is to confirm it after this."""
    async with SERVER.call():
        seen = await ask(lambda client: _seen(client, client.order.fetch(ref, {})))
    return replace(seen, stage=Stage.CANCELLED) if seen.stage is Stage.OPEN else seen


async def refund(payment_ref: str, amount: int, currency: str, labels: Labels, key: str) -> RefundSeen:
    """Give money back. Raises Refused."""
    more = {"amount": checked(amount, currency), "receipt": labels["refund"], "notes": tags(labels)}

    def give(client: Client) -> Any:
        paid = razorpay_objects.paid(_attempts(client, payment_ref))
        if paid is None:
            raise Refused("not_paid")
        return _give_back(client, paid["id"], more, key.replace(":", "-"))

    async with SERVER.call():
        return razorpay_objects.refund(await ask(give), payment_ref)


async def refund_seen(ref: str) -> RefundSeen:
    """Raises Unknown."""

    def look(client: Client) -> RefundSeen:
        found = client.refund.fetch(ref, {})
        return razorpay_objects.refund(found, _order_of(client, found["payment_id"]))

    async with SERVER.call():
        return await ask(look)


async def refunds(payment_ref: str) -> list[RefundSeen]:
    """Those of a payment."""

    def look(client: Client) -> list[RefundSeen]:
        paid = razorpay_objects.paid(_attempts(client, payment_ref))
        if paid is None:
            return []
        return [razorpay_objects.refund(one, payment_ref) for one in _refunds(client, paid["id"])]

    async with SERVER.call():
        return await ask(look)


async def dispute(ref: str) -> DisputeSeen:
    """Raises Unknown."""

    def look(client: Client) -> DisputeSeen:
        found = client.dispute.fetch(ref, {})
        return razorpay_objects.dispute(found, _order_of(client, found["payment_id"]))

    async with SERVER.call():
        return await ask(look)


async def notices(since: datetime) -> list[Notice]:
    """What has happened to what was made since a moment, the newest first; Razorpay lists things, and no events."""
    found = list[Notice]()
    for kind, start, told_by in (
        ("payment", since, razorpay_webhooks.of_payment),
        ("refund", since, razorpay_webhooks.of_refund),
        ("dispute", since - DECIDED, razorpay_webhooks.of_dispute),
    ):
        skip, more = 0, True
        while more:
            async with SERVER.call():
                items = await _part(kind, {"from": int(start.timestamp()), "count": PAGE, "skip": skip})
            found += [notice for one in items for notice in told_by(one)]
            skip, more = skip + PAGE, len(items) == PAGE
    return sorted(found, key=lambda one: one.at, reverse=True)


async def _part(kind: str, asked: dict[str, int]) -> list[Thing]:
    """A part of the list of all things of a kind."""
    return list((await ask(lambda client: getattr(client, kind).all(asked)))["items"])


def _refunds(client: Client, payment_id: str) -> Iterator[Thing]:
    """Those of a payment of Razorpay's, which come in parts."""
    skip, more = 0, True
    while more:
        items = client.payment.fetch_multiple_refund(payment_id, {"count": PAGE, "skip": skip})["items"]
        yield from items
        skip, more = skip + PAGE, len(items) == PAGE


def _attempts(client: Client, order_ref: str) -> list[Thing]:
    return list(client.order.payments(order_ref, {})["items"])


def _seen(client: Client, order: Thing) -> PaymentSeen:
    return razorpay_objects.payment(order, _attempts(client, order["id"]))


def _order_of(client: Client, payment_id: str) -> str:
    """The order that a payment of Razorpay's is for. Raises Unknown for one that is for none."""
    found = client.payment.fetch(payment_id, {})["order_id"]
    if not found:
        raise Unknown("no_order", payment_id)
    return str(found)


def _give_back(client: Client, payment_id: str, more: dict[str, Any], key: str) -> Any:
    """Source of the key: https://razorpay.com/docs/api/refunds/normal-refunds-idempotent"""
    headers = {"X-Refund-Idempotency": key}
    return client.payment.refund(payment_id, {"speed": "normal", **more}, headers=headers)


def _recurring(order: Thing, by: Method, whom: Thing) -> dict[str, Any]:
    """A charge of a token. Source: https://razorpay.com/docs/api/recurring-payments/upi/subsequent-payments"""
    return {
        "email": whom["email"],
        "contact": whom["contact"],
        "amount": order["amount"],
        "currency": order["currency"],
        "order_id": order["id"],
        "customer_id": by.customer,
        "token": by.token,
        "recurring": "1",
        "notes": order["notes"],
    }
