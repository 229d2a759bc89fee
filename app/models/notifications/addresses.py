from datetime import datetime

from bson import ObjectId
from pymongo import ASCENDING, IndexModel

from app.core.keyring import Sealed
from app.core.privacy import ERASE, NEUTRAL, PSEUDONYM, SECRET, Subject
from app.models.base import PersonalRow, StoredDocument
from app.models.notifications.deliveries import Channel


class NotificationAddress(PersonalRow):
    """Where a person is told of things besides their e-mail: an app, a browser, or a channel of a chat tool.

    `place` is what it takes to write there, by which anybody could: nobody is shown it again.
    """

    collection = "notification_addresses"
    data_subjects = (Subject("user_id", whole=True),)
    policies = {
        "label": ERASE,
        "place": SECRET,
        "user_id": PSEUDONYM,
        "channel fingerprint created_at": NEUTRAL,
    }

    user_id: ObjectId
    channel: Channel
    place: Sealed
    fingerprint: bytes
    """By which the same place is known again, whoever has it."""
    label: str = ""
    created_at: datetime


class NotificationAddressDocument(StoredDocument, NotificationAddress):
    class Settings:
        name = NotificationAddress.collection
        indexes = [
            IndexModel([("user_id", ASCENDING), ("_id", ASCENDING)]),
            IndexModel([("fingerprint", ASCENDING)], unique=True),
        ]
