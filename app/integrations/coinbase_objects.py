"""What Coinbase's checkouts say, in the words of `integrations.payments`.

A checkout is a page and the payment on it: it is paid once, and with what it asks for. It is paid in USDC, of which one
is a dollar, whatever currency it was asked for in: that is its `fiatCurrency`.
"""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from app.integrations.payments import PageSeen, PaymentSeen, RefundSeen, Refused, Stage, labels_in, noted_in

Thing = Mapping[str, Any]

CURRENCIES = frozenset(("EUR", "GBP", "SGD", "USD"))
"""In which a checkout can be asked for, all with two digits.
Source: https://docs.cdp.coinbase.com/api-reference/business-api/rest-api/checkouts/create-checkout"""
DIGITS = 2
MOST = 10_000_000_000
"""Minor units in a checkout."""
_STAGES = {
    "ACTIVE": Stage.OPEN,
    "PROCESSING": Stage.PROCESSING,
    "COMPLETED": Stage.SUCCEEDED,
    "REFUNDED": Stage.SUCCEEDED,
    "PARTIALLY_REFUNDED": Stage.SUCCEEDED,
    "FAILED": Stage.FAILED,
    "EXPIRED": Stage.CANCELLED,
    "DEACTIVATED": Stage.CANCELLED,
}
"""Source: https://docs.cdp.coinbase.com/api-reference/business-api/rest-api/checkouts/introduction"""
_REFUNDS = {"COMPLETED": Stage.SUCCEEDED, "FAILED": Stage.FAILED}


def written(amount: int, currency: str) -> dict[str, str]:
    """Our minor units as Coinbase writes them. Raises Refused for what it does not take."""
    if currency not in CURRENCIES or not 0 < amount <= MOST:
        raise Refused("amount_not_representable", f"Coinbase moves no {amount} of {currency}")
    return {"amount": str(Decimal(amount).scaleb(-DIGITS)), "currency": currency}


def worth(thing: Thing) -> tuple[int, str]:
    """What something is worth in our minor units, and of which currency. Raises Refused."""
    value, currency = thing.get("fiatAmount"), thing.get("fiatCurrency")
    if not value or not currency:
        value, currency = thing["amount"], thing["currency"]
    currency = "USD" if currency == "USDC" else str(currency)
    try:
        scaled = Decimal(str(value)).scaleb(DIGITS)
        amount = int(scaled)
    except (InvalidOperation, ValueError, OverflowError):
        raise Refused("amount_not_representable", f"{value} is no amount") from None
    if amount != scaled or currency not in CURRENCIES:
        raise Refused("amount_not_representable", f"{value} of {currency} is no number of minor units")
    return amount, currency


def payment(checkout: Thing) -> PaymentSeen:
    (amount, currency), stage = worth(checkout), _STAGES[checkout["status"]]
    return PaymentSeen(
        ref=checkout["id"],
        stage=stage,
        amount=amount,
        currency=currency,
        labels=labels_in(checkout.get("metadata")),
        code="payment_failed" if stage is Stage.FAILED else None,
    )


def page(checkout: Thing) -> PageSeen:
    stage = _STAGES[checkout["status"]]
    return PageSeen(
        ref=checkout["id"],
        url=checkout["url"] if stage is Stage.OPEN else None,
        stage=stage,
        labels=labels_in(checkout.get("metadata")),
        payment_ref=None if stage in (Stage.OPEN, Stage.CANCELLED) else checkout["id"],
    )


def refund(found: Thing, checkout: Thing) -> RefundSeen:
    """A refund, which is found by its checkout only, so that its name has both ids."""
    stage, (amount, currency) = _REFUNDS.get(found["status"], Stage.PROCESSING), worth(found)
    return RefundSeen(
        ref=f"{checkout['id']}/{found['id']}",
        payment_ref=checkout["id"],
        stage=stage,
        amount=amount,
        currency=currency,
        labels=noted_in(found.get("reason")),
        code="refund_failed" if stage is Stage.FAILED else None,
    )
