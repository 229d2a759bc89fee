"""Payouts by RazorpayX (https://razorpay.com/docs/api/x), for `services.billing.providers`.

Money goes from our own account there straight to a bank: whom it goes to is a contact, and where to a fund account.
Both are made once for the same details. A payout has a key, which is good with the same details only; what was sent is
found by its reference besides, so that whatever becomes of an answer it is sent once.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from razorpay import Client

from app.core.outside import Outside
from app.core.settings import settings
from app.integrations import razorpay_objects, razorpay_webhooks
from app.integrations.payments import AccountSeen, Destination, Labels, Notice, PayoutSeen, Refused, tags
from app.integrations.razorpay_client import CONNECTIONS, ask
from app.integrations.razorpay_objects import Thing

CONTACTS, ACCOUNTS, PAYOUTS = "/v1/contacts", "/v1/fund_accounts", "/v1/payouts"
AT_ONCE = 50_000_000
"""Paise that IMPS moves at most, in seconds; above them a bank account is sent money by NEFT, in hours.
Source: https://razorpay.com/docs/x/payouts/modes"""
PAGE = 100
"""Payouts in one answer at most."""
SERVER = Outside("razorpayx", timeout=30, concurrency=CONNECTIONS, refusals=(Refused,))


def configured() -> bool:
    """Whether money can be sent by RazorpayX here: by the key of Razorpay's, from an account of ours."""
    known = settings()
    return bool(known.razorpay_key_id and known.razorpay_key_secret and known.razorpay_payout_account)


async def destination(labels: Labels, to: Destination, key: str) -> AccountSeen:
    """Let somebody be sent money to a bank account or a UPI address; once for a key. Raises Refused.

    The bank is not asked whether there is such an account: that shows when money is sent.
    """
    contact = {"name": f"Payee {key}", "type": "vendor", "reference_id": key, "notes": tags(labels)}
    if to.vpa:
        place: dict[str, Any] = {"account_type": "vpa", "vpa": {"address": to.vpa}}
    else:
        bank = {"name": to.name, "ifsc": to.ifsc, "account_number": to.account_number}
        place = {"account_type": "bank_account", "bank_account": bank}

    def make(client: Client) -> AccountSeen:
        whom = client.post(CONTACTS, contact)["id"]
        return razorpay_objects.account(client.post(ACCOUNTS, {"contact_id": whom, **place}), labels)

    async with SERVER.call():
        return await ask(make)


async def payout(account_ref: str, amount: int, currency: str, labels: Labels, key: str) -> PayoutSeen:
    """Send money to where somebody is sent it. Raises Refused.

    What our account has too little for waits there until it has enough, or is cancelled after three months.
    """
    if currency != "INR":
        raise Refused("currency_not_supported", f"RazorpayX sends no {currency}")
    reference = labels["remittance"]

    def send(client: Client) -> Any:
        if found := _sent(client, account_ref, reference):
            return found
        kind = client.get(f"{ACCOUNTS}/{account_ref}", {})["account_type"]
        new = {
            "account_number": settings().razorpay_payout_account,
            "fund_account_id": account_ref,
            "amount": amount,
            "currency": currency,
            "mode": "UPI" if kind == "vpa" else "IMPS" if amount <= AT_ONCE else "NEFT",
            "purpose": "payout",
            "queue_if_low_balance": True,
            "reference_id": reference,
            "notes": tags(labels),
        }
        try:
            return client.post(PAYOUTS, new, headers={"X-Payout-Idempotency": key.replace(":", "-")})
        except Refused:  # be it because it was sent before, then that is it
            found = _sent(client, account_ref, reference)
            if found is None:
                raise
            return found

    async with SERVER.call():
        return razorpay_objects.payout(await ask(send))


async def payout_seen(account_ref: str, ref: str) -> PayoutSeen:
    """Raises Unknown."""
    async with SERVER.call():
        return razorpay_objects.payout(await ask(lambda client: client.get(f"{PAYOUTS}/{ref}", {})))


async def notices(since: datetime) -> list[Notice]:
    """What has happened to payouts that were made since a moment."""

    def look(client: Client) -> list[Notice]:
        made = _payouts(client, {"from": int(since.timestamp())})
        return [notice for one in made for notice in razorpay_webhooks.of_payout(one)]

    async with SERVER.call():
        return await ask(look)


def _sent(client: Client, account_ref: str, reference: str) -> Thing | None:
    """The payout that was made for a reference of ours, if one was."""
    made = _payouts(client, {"fund_account_id": account_ref, "reference_id": reference})
    return next((one for one in made if one["reference_id"] == reference), None)


def _payouts(client: Client, asked: dict[str, Any]) -> Iterator[Thing]:
    """Those from our account, which come in parts."""
    skip, more = 0, True
    while more:
        part = {"account_number": settings().razorpay_payout_account, "count": PAGE, "skip": skip}
        items = client.get(PAYOUTS, {**part, **asked})["items"]
        yield from items
        skip, more = skip + PAGE, len(items) == PAGE
