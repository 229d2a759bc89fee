from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from bson import ObjectId
from pymongo import DESCENDING, IndexModel

from app.core import changes
from app.core.actor import Actor
from app.core.clock import EPOCH, FIRST_ID
from app.core.database import collection
from app.core.privacy import NEUTRAL, PSEUDONYM, Subject, keep
from app.core.rows import Value
from app.models.base import DoorRow, StoredDocument
from app.models.notifications.deliveries import Delivery, DeliveryState


class CampaignState(StrEnum):
    DRAFT = "draft"
    SCHEDULED = "scheduled"
    SENDING = "sending"
    PAUSED = "paused"
    SENT = "sent"
    CANCELLED = "cancelled"


@dataclass(slots=True)
class SendingWindow(Value):
    """The hours of the day in which it sends: from one, until before the other.

    They are of the organization's clock, or, where `local`, of each receiver's own.
    """

    opens: int
    closes: int
    local: bool = False


class Campaign(DoorRow):
    """An e-mail from an organization to those of its members on whom a filter holds."""

    collection = "campaigns"
    data_subjects = (Subject("created_by_id"),)
    policies = {
        "name audience": keep("it is the organization's, whoever has made it"),
        "created_by_id": PSEUDONYM,
        "template state window starts_at paced_until cursor turn made created_at changed_at": NEUTRAL,
    }

    name: str
    template: str
    """The key of the template: what is published under it when an e-mail is sent."""
    audience: dict[str, Any]
    state: CampaignState = CampaignState.DRAFT
    window: SendingWindow | None = None
    starts_at: datetime | None = None
    cursor: ObjectId = FIRST_ID
    """The last person who was looked at."""
    turn: int = 0
    """How many batches there were; a batch of another turn is nobody's."""
    made: int = 0
    """Deliveries that were asked for."""
    paced_until: datetime | None = None
    """Until when the provider's rate is taken by what was asked for."""
    created_by_id: ObjectId
    created_at: datetime
    changed_at: datetime


class CampaignDocument(StoredDocument, Campaign):
    class Settings:
        name = Campaign.collection
        indexes = [
            IndexModel([("organization_id", 1), ("_id", DESCENDING)]),
            IndexModel(
                [("state", 1), ("paced_until", DESCENDING), ("_id", DESCENDING)],
                partialFilterExpression={"paced_until": {"$gt": EPOCH}},
            ),
        ]


@dataclass(slots=True)
class CampaignResults(Value):
    """How many of a campaign's deliveries came how far, each counted once by its state; opened and clicked besides."""

    queued: int = 0
    sending: int = 0
    sent: int = 0
    delivered: int = 0
    bounced: int = 0
    complained: int = 0
    failed: int = 0
    suppressed: int = 0
    cancelled: int = 0
    opened: int = 0
    clicked: int = 0


async def results(actor: Actor, ids: Iterable[Any]) -> Mapping[Any, CampaignResults]:
    """The results of campaigns of the actor's organization."""
    made = {id: CampaignResults() for id in ids}
    pipeline: list[Mapping[str, Any]] = [
        {"$match": {"organization_id": actor.organization_id, "campaign_id": {"$in": list(made)}}},
        {
            "$group": {
                "_id": {"campaign": "$campaign_id", "state": "$state"},
                "count": {"$sum": 1},
                "opened": {"$sum": {"$cond": [{"$eq": ["$opened_at", None]}, 0, 1]}},
                "clicked": {"$sum": {"$cond": [{"$eq": ["$clicked_at", None]}, 0, 1]}},
            }
        },
    ]
    async for group in await collection(Delivery.collection).aggregate(pipeline, session=changes.session()):
        found = made[group["_id"]["campaign"]]
        setattr(found, DeliveryState(group["_id"]["state"]).value, group["count"])
        found.opened += group["opened"]
        found.clicked += group["clicked"]
    return made
