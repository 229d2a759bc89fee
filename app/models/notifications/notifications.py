from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from bson import ObjectId
from pymongo import ASCENDING, DESCENDING, IndexModel

from app.core.actor import Actor
from app.core.clock import FIRST_ID
from app.core.privacy import ERASE, NEUTRAL, PSEUDONYM, Subject
from app.core.rows import Value
from app.models.base import StoredDocument, TenantRow, Where
from app.models.notifications.deliveries import Channel


class NotificationKind(StrEnum):
    MENTION = "mention"
    REPLY = "reply"
    INVITATION = "invitation"
    OWNERSHIP = "ownership"
    AFFILIATION = "affiliation"
    IMPERSONATION = "impersonation"
    REMINDER = "reminder"
    CANCELLATION = "cancellation"
    SEAT = "seat"
    WEBHOOK = "webhook"
    EARNING = "earning"
    PAYOUT = "payout"
    COMMISSION = "commission"
    ESCROW = "escrow"
    USAGE = "usage"
    PAYMENT_FAILED = "payment_failed"
    INVOICE = "invoice"
    INVOICE_OVERDUE = "invoice_overdue"
    SUBSCRIPTION_RENEWED = "subscription_renewed"
    SUBSCRIPTION_ENDING = "subscription_ending"
    REFUND = "refund"
    REFUND_FAILED = "refund_failed"
    OVERPAID = "overpaid"
    UNREAD_MESSAGES = "unread_messages"
    """Is in no list: conversations count what is unread."""
    CAMPAIGN = "campaign"
    """Is in no list: an e-mail to many."""


@dataclass(slots=True)
class Held(Value):
    """That it is to come by a channel together with others, and when."""

    channel: Channel
    due: datetime


class Notification(TenantRow):
    """Something that asks for a person's attention. It lives in the organization in which its reader is told.

    `text` says it in a line; for a message it is how the message begins.
    """

    collection = "notifications"
    data_subjects = (Subject("user_id", whole=True), Subject("actor_id", becomes={"text": ""}))
    policies = {
        "text": ERASE,
        "user_id actor_id": PSEUDONYM,
        "kind conversation_id message_id invitation_id event_id invoice_id": NEUTRAL,
        "created_at read_at archived_at held": NEUTRAL,
    }
    personal = True

    user_id: ObjectId
    kind: NotificationKind
    actor_id: ObjectId | None = None
    conversation_id: ObjectId | None = None
    message_id: ObjectId | None = None
    invitation_id: ObjectId | None = None
    event_id: ObjectId | None = None
    invoice_id: ObjectId | None = None
    text: str
    created_at: datetime
    read_at: datetime | None = None
    archived_at: datetime | None = None
    held: list[Held] = []

    @classmethod
    def within(cls, actor: Actor, where: Where | None = None, **equal: Any) -> dict[str, Any]:
        """One's own; the platform's are all of the organization."""
        asked = super().within(actor, where, **equal)
        return asked if actor.system else {**asked, "user_id": actor.user_id}


class NotificationDocument(StoredDocument, Notification):
    class Settings:
        name = Notification.collection
        indexes = [
            IndexModel([("organization_id", ASCENDING), ("user_id", ASCENDING), ("_id", DESCENDING)]),
            IndexModel([("message_id", ASCENDING)], partialFilterExpression={"message_id": {"$gt": FIRST_ID}}),
        ]
