"""Payments in USDC by Coinbase Business (https://docs.cdp.coinbase.com/coinbase-business/checkout-apis/overview), for
`services.billing.providers`. Coinbase Commerce, with its charges, has ended on 31 March 2026; this is what came after.

A checkout is a page on which one pays once. Nothing is saved, nobody disputes, and refunds are asked for with a key.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpx

from app.core import clock
from app.core.outside import Outside
from app.core.settings import settings
from app.integrations import coinbase_client, coinbase_objects, coinbase_webhooks
from app.integrations.coinbase_client import client, once
from app.integrations.coinbase_objects import Thing, written
from app.integrations.coinbase_webhooks import about as about
from app.integrations.payments import (
    Labels,
    NoAnswer,
    Notice,
    Order,
    PageSeen,
    PaymentSeen,
    RefundSeen,
    Refused,
    Stage,
    Unknown,
    noted,
    tags,
)

PAGES_SAVE = False
LASTS = timedelta(days=1)
"""For how long a page can be paid on."""
GIVEN_BACK = timedelta(days=90)
"""For how long a checkout may be given back at Coinbase itself, and be found so."""
PAGE = 100
"""Checkouts in one answer at most."""
SPOKEN = 500
"""Characters of a description."""
PLACE = "/checkouts"
SERVER = Outside("coinbase", timeout=30, concurrency=coinbase_client.CONNECTIONS, refusals=(Refused,))


def configured() -> bool:
    """Whether payments can be made by Coinbase here."""
    return bool(settings().coinbase_key_id) and settings().coinbase_key_secret is not None


async def customer(labels: Labels, key: str) -> str:
    """Coinbase knows no customers: ours are called as we call them."""
    return labels["customer"]


async def page(order: Order, success_url: str, cancel_url: str, *, save: bool, key: str) -> PageSeen:
    """Make a page on which an order is paid. It keeps no method. Raises Refused."""
    if save:
        raise Refused("page_keeps_no_method")
    new = {
        **written(order.amount, order.currency),
        "description": order.description[:SPOKEN],
        "metadata": tags(order.labels),
        "successRedirectUrl": success_url,
        "failRedirectUrl": cancel_url,
        "expiresAt": (clock.now() + LASTS).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    async with SERVER.call():
        return coinbase_objects.page(await _ask("POST", PLACE, json=new, headers=once(key)))


async def page_seen(ref: str) -> PageSeen:
    """Raises Unknown."""
    async with SERVER.call():
        return coinbase_objects.page(await _checkout(ref))


async def close_page(ref: str) -> PageSeen:
    """Let nobody pay on a page any more; one on which somebody pays, or has, stays as it is."""
    async with SERVER.call():
        if coinbase_objects.page(await _checkout(ref)).stage is Stage.OPEN:
            try:
                return coinbase_objects.page(await _ask("POST", f"{_at(ref)}/deactivate", json={}))
            except Refused:  # somebody has paid meanwhile: how it is now says so
                pass
        return coinbase_objects.page(await _checkout(ref))


async def payment(ref: str) -> PaymentSeen:
    """Raises Unknown."""
    async with SERVER.call():
        return coinbase_objects.payment(await _checkout(ref))


async def refund(payment_ref: str, amount: int, currency: str, labels: Labels, key: str) -> RefundSeen:
    """Give money back; what it is for is its reason, by which it is found. Raises Refused."""
    asked = {**written(amount, currency), "reason": noted(labels)}
    async with SERVER.call():
        answer = await _ask("POST", f"{_at(payment_ref)}/refund", json=asked, headers=once(key))
        made = [one for one in _refunds(answer["checkout"]) if one.labels == labels]
        if not made:
            raise NoAnswer("a refund was made, and is not among those of its checkout")
        return made[-1]


async def refund_seen(ref: str) -> RefundSeen:
    """Raises Unknown."""
    async with SERVER.call():
        for one in _refunds(await _checkout(ref.partition("/")[0])):
            if one.ref == ref:
                return one
    raise Unknown("no_refund", ref)


async def refunds(payment_ref: str) -> list[RefundSeen]:
    """Those of a payment."""
    async with SERVER.call():
        return _refunds(await _checkout(payment_ref))


async def notices(since: datetime) -> list[Notice]:
    """What has happened since a moment to checkouts that are not too old, the newest first; events are not listed.

    The list of checkouts comes with the newest first: it is read to where everything in it is too old.
    """
    found, asked, more = list[Notice](), {"pageSize": str(PAGE)}, True
    while more:
        async with SERVER.call():
            answer = await _ask("GET", PLACE, params=asked)
        made = [datetime.fromisoformat(one["createdAt"]) for one in answer["checkouts"]]
        found += [told for one in answer["checkouts"] for told in coinbase_webhooks.of_checkout(one)]
        asked["pageToken"] = str(answer.get("nextPageToken") or "")
        more = bool(asked["pageToken"]) and any(at > since - GIVEN_BACK for at in made)
    return sorted((one for one in found if one.at >= since), key=lambda one: one.at, reverse=True)


async def told(body: bytes, headers: Mapping[str, str]) -> Notice:
    """What a webhook tells. Raises BadSignature."""
    return coinbase_webhooks.told(body, headers)


async def _ask(method: str, path: str, **more: Any) -> Any:
    """Raises Unknown, Refused, NoAnswer."""
    try:
        response = await client().request(method, path, **more)
    except httpx.HTTPError as error:
        raise NoAnswer(repr(error)) from None
    return coinbase_client.read(response)


async def _checkout(ref: str) -> Thing:
    """Raises Unknown."""
    found: Thing = await _ask("GET", _at(ref))
    return found


def _refunds(checkout: Thing) -> list[RefundSeen]:
    return [coinbase_objects.refund(one, checkout) for one in checkout.get("refunds") or ()]


def _at(ref: str) -> str:
    """What is called so; what a webhook has named leads nowhere else."""
    return f"{PLACE}/{quote(ref, safe='')}"
