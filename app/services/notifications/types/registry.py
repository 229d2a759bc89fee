"""All types of notifications."""

from collections.abc import Mapping

from app.models import NotificationKind
from app.services.notifications.types import (
    billing,
    campaigns,
    impersonations,
    ledger,
    live,
    messages,
    organizations,
    webhooks,
)
from app.services.notifications.types.declaration import AnyType

TYPES: Mapping[NotificationKind, AnyType] = {
    one.kind: one
    for one in (
        messages.MENTION,
        messages.REPLY,
        messages.UNREAD_MESSAGES,
        organizations.INVITATION,
        organizations.OWNERSHIP,
        organizations.AFFILIATION,
        impersonations.IMPERSONATION,
        live.REMINDER,
        live.CANCELLATION,
        live.SEAT,
        webhooks.WEBHOOK,
        ledger.EARNING,
        ledger.PAYOUT,
        ledger.COMMISSION,
        ledger.ESCROW,
        ledger.REFUND_FAILED,
        billing.USAGE,
        billing.PAYMENT_FAILED,
        billing.INVOICE,
        billing.INVOICE_OVERDUE,
        billing.SUBSCRIPTION_RENEWED,
        billing.SUBSCRIPTION_ENDING,
        billing.REFUND,
        billing.OVERPAID_INVOICE,
        campaigns.CAMPAIGN,
    )
}
