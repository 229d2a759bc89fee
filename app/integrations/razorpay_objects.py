"""What Razorpay's objects say, in the words of `integrations.payments`.

An order there is what Stripe calls a PaymentIntent: it is paid once, by one of the payments that are tried for it. So
it is the payment here, and Razorpay's payments are attempts.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Self

from app.core import clock
from app.integrations.payments import (
    AccountSeen,
    DisputeSeen,
    Labels,
    MethodSeen,
    PageSeen,
    PaymentSeen,
    PayoutSeen,
    RefundSeen,
    Stage,
    Unknown,
    labels_in,
)

Thing = Mapping[str, Any]

HARD = frozenset(
    {
        "account_changed",
        "bank_account_invalid",
        "card_expired",
        "card_number_invalid",
        "debit_instrument_blocked",
        "debit_instrument_inactive",
        "mandate_expired",
        "mandate_not_active",
    }
)
"""Reasons for which a customer has to pay by something else, or to allow it anew.
Source: https://razorpay.com/docs/payments/payment-gateway/s2s-integration/recurring-payments/upi/error-codes"""
_PAGES = {
    "created": Stage.OPEN,
    "partially_paid": Stage.PROCESSING,
    "paid": Stage.SUCCEEDED,
    "cancelled": Stage.CANCELLED,
    "expired": Stage.CANCELLED,
}
_REFUNDS = {"processed": Stage.SUCCEEDED, "failed": Stage.FAILED}
_DISPUTES = {"won": Stage.SUCCEEDED, "closed": Stage.SUCCEEDED, "lost": Stage.FAILED}
_PAYOUTS = {
    "processed": Stage.SUCCEEDED,
    "reversed": Stage.FAILED,
    "failed": Stage.FAILED,
    "rejected": Stage.FAILED,
    "cancelled": Stage.FAILED,
}
"""The ends; before them one is scheduled, queued for want of a balance, pending for want of an approval, or processing.
Source: https://razorpay.com/docs/x/payouts/states-life-cycle"""
_GONE = frozenset(("cancellation_initiated", "cancelled", "expired", "rejected"))
"""Of tokens that will never be charged again. Source: https://razorpay.com/docs/api/payments/recurring-payments/upi/tokens"""


class Method(NamedTuple):
    """What a token is found by, and the payment that has allowed it: from that is known whom to tell of a charge."""

    token: str
    customer: str
    allowed_by: str

    @classmethod
    def of(cls, ref: str) -> Self:
        """Raises Unknown."""
        parts = ref.split("/")
        if len(parts) != len(cls._fields):
            raise Unknown("no_method", ref)
        return cls(*parts)

    @property
    def ref(self) -> str:
        return "/".join(self)


def paid(attempts: Iterable[Thing]) -> Thing | None:
    """The attempt that has brought the money, be it given back since. One not captured in time goes back as well."""
    return next((one for one in attempts if one["captured"] and one["status"] in ("captured", "refunded")), None)


def payment(order: Thing, attempts: list[Thing]) -> PaymentSeen:
    stage, code = Stage.OPEN, None
    if paid(attempts):
        stage = Stage.SUCCEEDED
    elif any(one["status"] in ("created", "pending", "authorized") for one in attempts):
        stage = Stage.PROCESSING
    elif attempts:
        last = max(attempts, key=lambda one: int(one["created_at"]))
        stage, code = Stage.FAILED, str(last["error_reason"] or last["error_code"] or "declined").lower()
    return PaymentSeen(
        ref=order["id"],
        stage=stage,
        amount=int(order["amount"]),
        currency=order["currency"],
        labels=labels_in(order["notes"]),
        code=code,
        hard=code in HARD,
    )


def page(link: Thing) -> PageSeen:
    return PageSeen(
        ref=link["id"],
        url=link["short_url"] if link["status"] == "created" else None,
        stage=_PAGES[link["status"]],
        labels=labels_in(link["notes"]),
        payment_ref=link.get("order_id") or None,
    )


def standing(token: Thing) -> Stage:
    """Whether a token can be charged."""
    status = (token.get("recurring_details") or {}).get("status")
    if status in _GONE:
        return Stage.FAILED
    return Stage.SUCCEEDED if status == "confirmed" else Stage.PROCESSING


def method(ref: str, token: Thing, customer: Thing) -> MethodSeen:
    card, vpa, ends = token.get("card") or {}, token.get("vpa") or {}, token.get("expired_at")
    last = clock.at(int(ends)) if ends else None
    return MethodSeen(
        ref=ref,
        brand=card.get("network") or str(token["method"]).upper(),
        last4=card.get("last4") or (f"@{vpa['handle']}" if vpa else ""),
        expires_month=int(card.get("expiry_month") or (last.month if last else 0)),
        expires_year=int(card.get("expiry_year") or (last.year if last else 0)),
        attached=standing(token) is not Stage.FAILED,
        labels=labels_in(customer["notes"]),
    )


def gone(ref: str) -> MethodSeen:
    """A method that Razorpay has forgotten."""
    return MethodSeen(ref=ref, brand="", last4="", expires_month=0, expires_year=0, attached=False, labels={})


def refund(found: Thing, payment_ref: str) -> RefundSeen:
    stage = _REFUNDS.get(found["status"], Stage.PROCESSING)
    return RefundSeen(
        ref=found["id"],
        payment_ref=payment_ref,
        stage=stage,
        amount=int(found["amount"]),
        currency=found["currency"],
        labels=labels_in(found["notes"]),
        code="failed" if stage is Stage.FAILED else None,
    )


def dispute(found: Thing, payment_ref: str) -> DisputeSeen:
    return DisputeSeen(
        ref=found["id"],
        payment_ref=payment_ref,
        stage=_DISPUTES.get(found["status"], Stage.OPEN),
        amount=int(found["amount"]),
        currency=found["currency"],
        reason=found["reason_code"],
        due_at=clock.at(due) if (due := found.get("respond_by")) else None,
    )


def account(found: Thing, labels: Labels) -> AccountSeen:
    stage = Stage.SUCCEEDED if found["active"] else Stage.REQUIRES_ACTION
    return AccountSeen(ref=found["id"], stage=stage, labels=labels)


def payout(found: Thing) -> PayoutSeen:
    stage = _PAYOUTS.get(found["status"], Stage.PROCESSING)
    reason = (found.get("status_details") or {}).get("reason") or found["status"]
    return PayoutSeen(
        ref=found["id"],
        stage=stage,
        labels=labels_in(found["notes"]),
        code=str(reason) if stage is Stage.FAILED else None,
    )
