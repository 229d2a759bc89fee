from datetime import datetime
from enum import StrEnum

from bson import ObjectId
from pymongo import ASCENDING, IndexModel

from app.core.privacy import NEUTRAL, PSEUDONYM, Subject
from app.models.base import StoredDocument, TenantRow


class Answer(StrEnum):
    """Whether somebody comes."""

    YES = "yes"
    MAYBE = "maybe"
    NO = "no"
    WAITING = "waiting"
    """They would, and get the first seat that becomes free."""


class Attendee(TenantRow):
    """What somebody has answered to whether they come to an event, all of its occurrences."""

    collection = "attendees"
    data_subjects = (Subject("user_id", whole=True),)
    policies = {"user_id": PSEUDONYM, "event_id answer answered_at": NEUTRAL}

    event_id: ObjectId
    user_id: ObjectId
    answer: Answer
    answered_at: datetime
    """By which those who wait stand in line."""


class AttendeeDocument(StoredDocument, Attendee):
    class Settings:
        name = Attendee.collection
        indexes = [
            IndexModel([("organization_id", ASCENDING), ("event_id", ASCENDING), ("user_id", ASCENDING)], unique=True),
            IndexModel([(name, ASCENDING) for name in ("organization_id", "event_id", "answered_at", "_id")]),
            IndexModel([("organization_id", ASCENDING), ("user_id", ASCENDING), ("_id", ASCENDING)]),
        ]
