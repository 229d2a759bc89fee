"""What Stripe's objects say, in the words of `integrations.payments`."""

from typing import Any

import stripe

from app.core import clock
from app.integrations.payments import (
    AccountSeen,
    DisputeSeen,
    Labels,
    PageSeen,
    PaymentSeen,
    PayoutSeen,
    RefundSeen,
    SetupSeen,
    Stage,
    labels_in,
)
from app.integrations.stripe_amounts import from_stripe

HARD = frozenset(
    {
        "incorrect_number",
        "lost_card",
        "pickup_card",
        "stolen_card",
        "revocation_of_authorization",
        "revocation_of_all_authorizations",
        "authentication_required",
        "highest_risk_level",
        "transaction_not_allowed",
    }
)
"""Declines after which Stripe does not retry without the customer.
Source: https://docs.stripe.com/billing/revenue-recovery/smart-retries"""
INTENTS = {
    "requires_payment_method": Stage.OPEN,
    "requires_confirmation": Stage.OPEN,
    "requires_action": Stage.REQUIRES_ACTION,
    "processing": Stage.PROCESSING,
    "requires_capture": Stage.PROCESSING,
    "succeeded": Stage.SUCCEEDED,
    "canceled": Stage.CANCELLED,
}
"""Of PaymentIntents and SetupIntents. Source: https://docs.stripe.com/payments/paymentintents/lifecycle"""
_REFUNDS = {"succeeded": Stage.SUCCEEDED, "failed": Stage.FAILED, "canceled": Stage.CANCELLED}
_DISPUTES = {"won": Stage.SUCCEEDED, "warning_closed": Stage.SUCCEEDED, "prevented": Stage.SUCCEEDED}
_DISPUTES |= {"lost": Stage.FAILED}
_PAYOUTS = {"paid": Stage.SUCCEEDED, "failed": Stage.FAILED, "canceled": Stage.FAILED}


def labels(metadata: Any) -> Labels:
    return labels_in(metadata.to_dict() if hasattr(metadata, "to_dict") else metadata)


def id_of(of: Any) -> str | None:
    return of if of is None or isinstance(of, str) else str(of.id)


def intent(found: stripe.PaymentIntent) -> PaymentSeen:
    error, stage, currency = found.last_payment_error, INTENTS[found.status], found.currency.upper()
    code = None
    if error and stage is not Stage.SUCCEEDED:
        code = getattr(error, "decline_code", None) or getattr(error, "code", None) or "declined"
        if found.status in ("requires_payment_method", "canceled"):
            stage = Stage.FAILED
    return PaymentSeen(
        ref=found.id,
        stage=stage,
        amount=from_stripe(found.amount_received if stage is Stage.SUCCEEDED else found.amount, currency),
        currency=currency,
        labels=labels(found.metadata),
        code=code,
        hard=code in HARD,
    )


def page(found: Any) -> PageSeen:
    stage = Stage.OPEN
    if found.status == "expired":
        stage = Stage.CANCELLED
    elif found.status == "complete":
        stage = Stage.SUCCEEDED if found.payment_status == "paid" else Stage.PROCESSING
    return PageSeen(
        ref=found.id, url=found.url, stage=stage, labels=labels(found.metadata), payment_ref=id_of(found.payment_intent)
    )


def setup(found: stripe.SetupIntent) -> SetupSeen:
    return SetupSeen(
        ref=found.id,
        stage=INTENTS[found.status],
        labels=labels(found.metadata),
        secret=found.client_secret or "",
        method_ref=id_of(found.payment_method),
    )


def refund(found: stripe.Refund) -> RefundSeen:
    currency = found.currency.upper()
    return RefundSeen(
        ref=found.id,
        payment_ref=id_of(found.payment_intent) or "",
        stage=_REFUNDS.get(found.status or "", Stage.PROCESSING),
        amount=from_stripe(found.amount, currency),
        currency=currency,
        labels=labels(found.metadata),
        code=getattr(found, "failure_reason", None),
    )


def account(found: stripe.Account) -> AccountSeen:
    stage = Stage.OPEN
    if found.details_submitted:
        stage = Stage.SUCCEEDED if found.payouts_enabled else Stage.REQUIRES_ACTION
    return AccountSeen(ref=found.id, stage=stage, labels=labels(found.metadata))


def payout(found: stripe.Payout) -> PayoutSeen:
    stage = _PAYOUTS.get(found.status, Stage.PROCESSING)
    return PayoutSeen(ref=found.id, stage=stage, labels=labels(found.metadata), code=found.failure_code)


def dispute(found: stripe.Dispute) -> DisputeSeen:
    currency = found.currency.upper()
    return DisputeSeen(
        ref=found.id,
        payment_ref=id_of(found.payment_intent) or "",
        stage=_DISPUTES.get(found.status, Stage.OPEN),
        amount=from_stripe(found.amount, currency),
        currency=currency,
        reason=found.reason,
        due_at=clock.at(due) if (due := found.evidence_details.due_by) else None,
    )
