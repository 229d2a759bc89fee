"""What PayPal's objects say, in the words of `integrations.payments`.

An order is captured once, so it is the payment here; a capture is what has come of it. A page is an order, too.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from app.integrations.payments import (
    DisputeSeen,
    Labels,
    MethodSeen,
    PageSeen,
    PaymentSeen,
    RefundSeen,
    Stage,
    noted_in,
)
from app.integrations.paypal_amounts import from_paypal

Thing = Mapping[str, Any]

METHOD = "vault:"
"""What `reference_id` of an order begins with that is for a saved method."""
HARD = frozenset(
    {
        "agreement_already_cancelled",
        "billing_agreement_not_found",
        "card_closed",
        "card_expired",
        "compliance_violation",
        "payee_blocked_transaction",
        "payer_account_locked_or_closed",
        "payer_account_restricted",
        "payer_action_required",
        "token_id_not_found",
    }
)
"""Why a saved method would be declined again, until the customer does something.
Source: https://developer.paypal.com/api/rest/reference/orders/v2/errors"""
_OPEN = frozenset(("CREATED", "SAVED", "PAYER_ACTION_REQUIRED"))
_CAPTURES = {
    "COMPLETED": Stage.SUCCEEDED,
    "PARTIALLY_REFUNDED": Stage.SUCCEEDED,
    "REFUNDED": Stage.SUCCEEDED,
    "PENDING": Stage.PROCESSING,
}
_REFUNDS = {"COMPLETED": Stage.SUCCEEDED, "FAILED": Stage.FAILED, "CANCELLED": Stage.CANCELLED}
_LOST = frozenset(("RESOLVED_BUYER_FAVOUR", "ACCEPTED"))
"""Outcomes after which the seller has less; by RESOLVED_WITH_PAYOUT it is PayPal who pays."""


def customer_ref(labels: Labels) -> str:
    """What PayPal keeps of a customer of ours, in the 64 characters that it has."""
    return ".".join((labels["organization"], labels["customer_kind"], labels["customer"]))


def labels_of(ref: str) -> Labels:
    names, values = ("organization", "customer_kind", "customer"), ref.split(".")
    return dict(zip(names, values, strict=True)) if len(values) == len(names) else {}


def unit(order: Thing) -> Thing:
    """Of what is bought by an order: ours have one."""
    units = order.get("purchase_units") or [{}]
    return dict(units[0])


def _parts(order: Thing, kind: str) -> list[Thing]:
    return list((unit(order).get("payments") or {}).get(kind) or [])


def capture(order: Thing) -> Thing | None:
    """What was taken, or is to be."""
    found = _parts(order, "captures")
    return next((one for one in found if one["status"] in _CAPTURES), found[-1] if found else None)


def refunds(order: Thing) -> Iterator[Thing]:
    return iter(_parts(order, "refunds"))


def gone(ref: str) -> PaymentSeen:
    """An order that PayPal has forgotten, as it does of those that nobody has paid."""
    return PaymentSeen(ref=ref, stage=Stage.FAILED, amount=0, currency="", labels={}, code="order_expired")


def payment(order: Thing) -> PaymentSeen:
    taken, code = capture(order), None
    if taken is not None:
        stage = _CAPTURES.get(taken["status"], Stage.FAILED)
        if stage is Stage.FAILED:
            code = str((taken.get("status_details") or {}).get("reason") or taken["status"]).lower()
    elif order["status"] in _OPEN:
        stage = Stage.OPEN
    else:
        stage = {"APPROVED": Stage.APPROVED, "VOIDED": Stage.CANCELLED}.get(order["status"], Stage.PROCESSING)
    amount, currency = from_paypal((taken or unit(order))["amount"])
    return PaymentSeen(
        ref=order["id"],
        stage=stage,
        amount=amount,
        currency=currency,
        labels=noted_in(unit(order).get("custom_id")),
        code=code,
        hard=code in HARD,
    )


def page(order: Thing) -> PageSeen:
    """A page; one whose order was captured and declined for good is over. To what is approved of one can come back."""
    seen = payment(order)
    stage = seen.stage
    links = {one["rel"]: one["href"] for one in order.get("links") or ()}
    return PageSeen(
        ref=order["id"],
        url=links.get("payer-action") or links.get("approve") if stage in (Stage.OPEN, Stage.APPROVED) else None,
        stage=stage,
        labels=seen.labels,
        payment_ref=None if stage in (Stage.OPEN, Stage.CANCELLED) else order["id"],
    )


def lapsed(ref: str) -> PageSeen:
    """A page that PayPal has forgotten."""
    return PageSeen(ref=ref, url=None, stage=Stage.CANCELLED, labels={})


def method(token: Thing) -> MethodSeen:
    [(kind, source)] = list(token["payment_source"].items())[:1]
    year, _, month = str(source.get("expiry") or "").partition("-")
    return MethodSeen(
        ref=token["id"],
        brand=str(source.get("brand") or kind).upper(),
        last4=str(source.get("last_digits") or ""),
        expires_month=int(month or 0),
        expires_year=int(year or 0),
        attached=True,
        labels=labels_of(str(token["customer"].get("merchant_customer_id") or "")),
    )


def forgotten(ref: str) -> MethodSeen:
    return MethodSeen(ref=ref, brand="", last4="", expires_month=0, expires_year=0, attached=False, labels={})


def refund(found: Thing, payment_ref: str) -> RefundSeen:
    stage, (amount, currency) = _REFUNDS.get(found["status"], Stage.PROCESSING), from_paypal(found["amount"])
    return RefundSeen(
        ref=found["id"],
        payment_ref=payment_ref,
        stage=stage,
        amount=amount,
        currency=currency,
        labels=noted_in(found.get("custom_id")),
        code=found["status"].lower() if stage in (Stage.FAILED, Stage.CANCELLED) else None,
    )


def dispute(found: Thing, payment_ref: str) -> DisputeSeen:
    stage = Stage.OPEN
    if found["status"] == "RESOLVED":
        outcome = (found.get("dispute_outcome") or {}).get("outcome_code")
        stage = Stage.FAILED if outcome in _LOST else Stage.SUCCEEDED
    amount, currency = from_paypal(found["dispute_amount"])
    return DisputeSeen(
        ref=found["dispute_id"],
        payment_ref=payment_ref,
        stage=stage,
        amount=amount,
        currency=currency,
        reason=str(found["reason"]).lower(),
        due_at=datetime.fromisoformat(due) if (due := found.get("seller_response_due_date")) else None,
    )


def linked(thing: Thing, rel: str) -> str:
    """The id at the end of a link."""
    return next((str(one["href"]).rsplit("/", 1)[1] for one in thing.get("links") or () if one["rel"] == rel), "")
