"""Payments by Stripe's own client (https://docs.stripe.com/api), for `services.billing.providers`.

What makes something is given an idempotency key, so Stripe makes it once however often it is asked within a day; it
repeats its first answer, be that an error. Amounts go out and come in as Stripe counts them (`stripe_amounts`).
"""

from collections.abc import Awaitable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, TypeVar

import stripe
from stripe import StripeClient

from app.core.outside import Outside
from app.core.settings import settings
from app.integrations import stripe_objects, stripe_webhooks
from app.integrations.payments import (
    AccountSeen,
    DisputeSeen,
    Labels,
    MethodKind,
    MethodSeen,
    Notice,
    Order,
    PageSeen,
    PaymentSeen,
    PayoutSeen,
    RefundSeen,
    Refused,
    SetupSeen,
    Stage,
    Unknown,
    tags,
)
from app.integrations.stripe_amounts import to_stripe
from app.integrations.stripe_webhooks import about as about

T = TypeVar("T")

TIMEOUT = 15
"""Seconds for the answer."""
REPEATS = PAGES_SAVE = True
SAVES: Sequence[MethodKind] = (MethodKind.CARD,)
PAGE = 100
"""Things in one answer at most."""
SERVER = Outside("stripe", timeout=20, concurrency=32, refusals=(Refused, stripe.CardError))


async def told(body: bytes, headers: Mapping[str, str]) -> Notice:
    """What a webhook tells. Raises BadSignature."""
    return stripe_webhooks.told(body, headers)


def configured() -> bool:
    """Whether payments can be made by Stripe here."""
    return settings().stripe_secret_key is not None


async def customer(labels: Labels, key: str) -> str:
    """Make a customer, and answer what Stripe calls them. Raises Refused."""
    async with SERVER.call():
        made = await _ask(_client().v1.customers.create_async({"metadata": tags(labels)}, _once(key)))
        return made.id


async def setup(customer_ref: str, kind: MethodKind, labels: Labels, key: str) -> SetupSeen:
    """Let a customer save a method, to be charged when they are away. Raises Refused."""
    async with SERVER.call():
        made = await _ask(
            _client().v1.setup_intents.create_async(
                {
                    "customer": customer_ref,
                    "usage": "off_session",
                    "allowed_payment_method_types": [kind.value],
                    "metadata": tags(labels),
                },
                _once(key),
            )
        )
        return stripe_objects.setup(made)


async def setup_seen(ref: str) -> SetupSeen:
    """Raises Unknown."""
    async with SERVER.call():
        return stripe_objects.setup(await _ask(_client().v1.setup_intents.retrieve_async(ref)))


async def method(ref: str) -> MethodSeen:
    """Raises Unknown."""
    async with SERVER.call():
        found = await _ask(_client().v1.payment_methods.retrieve_async(ref))
        customer_ref = stripe_objects.id_of(found.customer)
        labels = {} if customer_ref is None else await _labels_of(customer_ref)
        card = found.card
        return MethodSeen(
            ref=found.id,
            brand=card.brand if card else found.type,
            last4=card.last4 if card and card.last4 else "",
            expires_month=card.exp_month if card else 0,
            expires_year=card.exp_year if card else 0,
            attached=customer_ref is not None,
            labels=labels,
        )


async def forget_method(ref: str) -> None:
    """Let a method be charged no more. Raises Refused."""
    async with SERVER.call():
        found = await _ask(_client().v1.payment_methods.retrieve_async(ref))
        if found.customer is not None:
            await _ask(_client().v1.payment_methods.detach_async(ref))


async def portal(customer_ref: str, return_url: str) -> str:
    """The address of Stripe's page on which a customer sees to their methods. Raises Refused."""
    async with SERVER.call():
        made = await _ask(
            _client().v1.billing_portal.sessions.create_async({"customer": customer_ref, "return_url": return_url})
        )
        return made.url


async def page(order: Order, success_url: str, cancel_url: str, *, save: bool, key: str) -> PageSeen:
    """Make a page on which an order is paid; `save` keeps the method for later. Raises Refused."""
    metadata = tags(order.labels)
    intent: Any = {"metadata": metadata, "description": order.description}
    if save:
        intent["setup_future_usage"] = "off_session"
    price: Any = {"currency": order.currency.lower(), "unit_amount": to_stripe(order.amount, order.currency)}
    price["product_data"] = {"name": order.description}
    async with SERVER.call():
        made = await _ask(
            _client().v1.checkout.sessions.create_async(
                {
                    "mode": "payment",
                    "customer": order.customer_ref,
                    "line_items": [{"price_data": price, "quantity": 1}],
                    "payment_intent_data": intent,
                    "success_url": success_url,
                    "cancel_url": cancel_url,
                    "metadata": metadata,
                },
                _once(key),
            )
        )
        return stripe_objects.page(made)


async def page_seen(ref: str) -> PageSeen:
    """Raises Unknown."""
    async with SERVER.call():
        return stripe_objects.page(await _ask(_client().v1.checkout.sessions.retrieve_async(ref)))


async def close_page(ref: str) -> PageSeen:
    """Let nobody pay on a page any more; one on which somebody has paid stays as it is."""
    async with SERVER.call():
        found = await _ask(_client().v1.checkout.sessions.retrieve_async(ref))
        if found.status == "open":
            try:
                found = await _ask(_client().v1.checkout.sessions.expire_async(ref))
            except Refused:  # somebody has paid meanwhile: how it is now says so
                found = await _ask(_client().v1.checkout.sessions.retrieve_async(ref))
        return stripe_objects.page(found)


async def prepare(order: Order, method_ref: str, key: str) -> PaymentSeen:
    """Let a method be ready to be charged: no money moves before `confirm`. Raises Refused."""
    async with SERVER.call():
        made = await _ask(
            _client().v1.payment_intents.create_async(
                {
                    "amount": to_stripe(order.amount, order.currency),
                    "currency": order.currency.lower(),
                    "customer": order.customer_ref,
                    "payment_method": method_ref,
                    "allowed_payment_method_types": [MethodKind.CARD.value],
                    "description": order.description,
                    "metadata": tags(order.labels),
                },
                _once(key),
            )
        )
        return stripe_objects.intent(made)


async def confirm(ref: str, key: str) -> PaymentSeen:
    """Charge what is prepared, with the customer away. It is charged once, however often this is called."""
    async with SERVER.call():
        try:
            return stripe_objects.intent(
                await _ask(_client().v1.payment_intents.confirm_async(ref, {"off_session": True}, _once(key)))
            )
        except (stripe.CardError, Refused):  # declined, or confirmed before: how it is now says which
            return stripe_objects.intent(await _ask(_client().v1.payment_intents.retrieve_async(ref)))


async def payment(ref: str) -> PaymentSeen:
    """Raises Unknown."""
    async with SERVER.call():
        return stripe_objects.intent(await _ask(_client().v1.payment_intents.retrieve_async(ref)))


async def cancel(ref: str) -> PaymentSeen:
    """Let a payment never be made, if it was not."""
    async with SERVER.call():
        found = await _ask(_client().v1.payment_intents.retrieve_async(ref))
        if stripe_objects.INTENTS[found.status] in (Stage.OPEN, Stage.REQUIRES_ACTION):
            try:
                found = await _ask(_client().v1.payment_intents.cancel_async(ref))
            except Refused:  # it was made meanwhile: how it is now says so
                found = await _ask(_client().v1.payment_intents.retrieve_async(ref))
        return stripe_objects.intent(found)


async def refund(payment_ref: str, amount: int, currency: str, labels: Labels, key: str) -> RefundSeen:
    """Give money back. Raises Refused."""
    async with SERVER.call():
        made = await _ask(
            _client().v1.refunds.create_async(
                {
                    "payment_intent": payment_ref,
                    "amount": to_stripe(amount, currency),
                    "metadata": tags(labels),
                },
                _once(key),
            )
        )
        return stripe_objects.refund(made)


async def refund_seen(ref: str) -> RefundSeen:
    """Raises Unknown."""
    async with SERVER.call():
        return stripe_objects.refund(await _ask(_client().v1.refunds.retrieve_async(ref)))


async def refunds(payment_ref: str) -> list[RefundSeen]:
    """Those of a payment."""
    async with SERVER.call():
        found = await _ask(_client().v1.refunds.list_async({"payment_intent": payment_ref, "limit": 100}))
        return [stripe_objects.refund(one) async for one in found.auto_paging_iter()]


async def dispute(ref: str) -> DisputeSeen:
    """Raises Unknown."""
    async with SERVER.call():
        found = await _ask(_client().v1.disputes.retrieve_async(ref))
        return stripe_objects.dispute(found)


async def account(labels: Labels, key: str) -> AccountSeen:
    """Make an account to which money can be sent, once its holder has said who they are. Raises Refused."""
    async with SERVER.call():
        made = await _ask(
            _client().v1.accounts.create_async(
                {
                    "type": "express",
                    "capabilities": {"transfers": {"requested": True}},
                    "settings": {"payouts": {"schedule": {"interval": "manual"}}},
                    "metadata": tags(labels),
                },
                _once(key),
            )
        )
        return stripe_objects.account(made)


async def account_seen(ref: str) -> AccountSeen:
    """Raises Unknown."""
    async with SERVER.call():
        return stripe_objects.account(await _ask(_client().v1.accounts.retrieve_async(ref)))


async def onboarding(ref: str, return_url: str) -> str:
    """The address of the page on which the holder of an account says who they are."""
    async with SERVER.call():
        link = await _ask(
            _client().v1.account_links.create_async(
                {
                    "account": ref,
                    "type": "account_onboarding",
                    "refresh_url": return_url,
                    "return_url": return_url,
                }
            )
        )
        return link.url


async def transfer(account_ref: str, amount: int, currency: str, labels: Labels, key: str) -> str:
    """Move money into an account at Stripe, and answer what Stripe calls it. Raises Refused.

    What was moved for the same `remittance` before is found by its group, so that it is moved once.
    """
    async with SERVER.call():
        group = labels["remittance"]
        before = await _ask(_client().v1.transfers.list_async({"transfer_group": group, "limit": 1}))
        if before.data:
            return before.data[0].id
        made = await _ask(
            _client().v1.transfers.create_async(
                {
                    "amount": to_stripe(amount, currency),
                    "currency": currency.lower(),
                    "destination": account_ref,
                    "transfer_group": group,
                    "metadata": tags(labels),
                },
                _once(key),
            )
        )
        return made.id


async def take_back(transfer_ref: str, key: str) -> None:
    """Move what a transfer has moved back; nothing happens to one that was taken back before."""
    async with SERVER.call():
        found = await _ask(_client().v1.transfers.retrieve_async(transfer_ref))
        if not found.reversed:
            await _ask(_client().v1.transfers.reversals.create_async(transfer_ref, {}, _once(key)))


async def payout(account_ref: str, amount: int, currency: str, labels: Labels, key: str) -> PayoutSeen:
    """Send money from an account at Stripe to its holder's bank. Raises Refused."""
    async with SERVER.call():
        made = await _ask(
            _client().v1.payouts.create_async(
                {
                    "amount": to_stripe(amount, currency),
                    "currency": currency.lower(),
                    "metadata": tags(labels),
                },
                {**_once(key), "stripe_account": account_ref},
            )
        )
        return stripe_objects.payout(made)


async def payout_seen(account_ref: str, ref: str) -> PayoutSeen:
    """Raises Unknown."""
    async with SERVER.call():
        options: stripe.RequestOptions = {"stripe_account": account_ref}
        return stripe_objects.payout(await _ask(_client().v1.payouts.retrieve_async(ref, {}, options)))


async def notices(since: datetime) -> list[Notice]:
    """What has happened since a moment within the last 30 days, the newest first."""
    found = list[Notice]()
    asked: dict[str, Any] = {"created": {"gte": int(since.timestamp())}, "limit": PAGE}
    more = True
    while more:
        async with SERVER.call():
            events = await _events(asked)
            found += [stripe_webhooks.notice(one.to_dict()) for one in events.data]
            more = events.has_more
            asked["starting_after"] = found[-1].ref if found else ""
    return found


def _client() -> StripeClient:
    known = settings()
    if known.stripe_secret_key is None:
        raise Refused("not_configured", "there is no key of Stripe's")
    return _made(known.stripe_secret_key.get_secret_value(), str(known.stripe_api_url).rstrip("/"))


@cache
def _made(key: str, url: str) -> StripeClient:
    http = stripe.HTTPXClient(timeout=TIMEOUT, allow_sync_methods=False)
    addresses: Any = {"api": url, "files": url, "connect": url, "meter_events": url}
    return StripeClient(key, base_addresses=addresses, http_client=http, max_network_retries=0)


async def _ask(call: Awaitable[T]) -> T:
    try:
        return await call
    except (stripe.InvalidRequestError, stripe.IdempotencyError) as error:
        if error.http_status == 409 and error.code == "lock_timeout":
            raise  # somebody else is at it
        kind = Unknown if error.http_status == 404 else Refused
        raise kind(error.code or "invalid_request", str(error.user_message or "")) from None


async def _events(asked: Any) -> stripe.ListObject[stripe.Event]:
    return await _ask(_client().v1.events.list_async(asked))


async def _labels_of(customer_ref: str) -> Labels:
    found = await _ask(_client().v1.customers.retrieve_async(customer_ref))
    return {} if getattr(found, "deleted", False) else stripe_objects.labels(found.metadata)


def _once(key: str) -> stripe.RequestOptions:
    return {"idempotency_key": key}
