from datetime import datetime
from enum import StrEnum

from bson import ObjectId
from pymongo import ASCENDING, IndexModel

from app.core.privacy import NEUTRAL, PSEUDONYM
from app.models.base import DoorRow, StoredDocument


class OfferState(StrEnum):
    OFFERED = "offered"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class OwnershipOffer(DoorRow):
    """That an owner wants a member to own the organization in their place."""

    collection = "ownership_offers"
    policies = {"from_id to_id": PSEUDONYM, "state created_at changed_at": NEUTRAL}
    audited = frozenset({"state"})

    from_id: ObjectId
    to_id: ObjectId
    state: OfferState = OfferState.OFFERED
    created_at: datetime
    changed_at: datetime


class OwnershipOfferDocument(StoredDocument, OwnershipOffer):
    class Settings:
        name = OwnershipOffer.collection
        indexes = [
            IndexModel(
                [("organization_id", ASCENDING)],
                unique=True,
                partialFilterExpression={"state": OfferState.OFFERED.value},
                name="one_open_offer",
            ),
            IndexModel([("state", ASCENDING), ("created_at", ASCENDING)]),
            IndexModel([("organization_id", ASCENDING), ("_id", ASCENDING)]),
        ]
