from datetime import datetime

from bson import ObjectId
from pymongo import ASCENDING, IndexModel

from app.core.privacy import NEUTRAL, PSEUDONYM, SECRET, Subject
from app.models.base import DoorRow, StoredDocument


class CalendarFeed(DoorRow):
    """That whoever has a link may read what somebody goes to in an organization, as calendars that subscribe do."""

    collection = "calendar_feeds"
    data_subjects = (Subject("user_id", whole=True),)
    policies = {"fingerprint": SECRET, "user_id": PSEUDONYM, "created_at": NEUTRAL}

    user_id: ObjectId
    fingerprint: bytes
    """Of what is secret in the link."""
    created_at: datetime


class CalendarFeedDocument(StoredDocument, CalendarFeed):
    class Settings:
        name = CalendarFeed.collection
        indexes = [
            IndexModel([("organization_id", ASCENDING), ("user_id", ASCENDING)], unique=True),
            IndexModel([("user_id", ASCENDING)]),
        ]
