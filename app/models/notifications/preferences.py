from dataclasses import dataclass
from enum import StrEnum

from bson import ObjectId
from pymongo import ASCENDING, IndexModel

from app.core.privacy import ERASE, PSEUDONYM, Subject, keep
from app.core.rows import Value
from app.models.base import PersonalRow, StoredDocument, TenantRow
from app.models.notifications.deliveries import Channel
from app.models.notifications.notifications import NotificationKind

EIGHT = 8 * 60


class Mode(StrEnum):
    """When something comes by a channel."""

    IMMEDIATE = "immediate"
    HOURLY = "hourly"
    DAILY = "daily"
    WEEKLY = "weekly"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Choice(Value):
    """How notifications of a kind are to come by a channel."""

    kind: NotificationKind
    channel: Channel
    mode: Mode


@dataclass(frozen=True, slots=True)
class QuietHours(Value):
    """Hours of a weekday (0 is Monday), in minutes after midnight; past midnight if they end before they begin."""

    weekday: int
    start: int
    end: int


class NotificationPreferences(PersonalRow):
    """How a person wants to be told of things, in all their organizations.

    `country` is the one whose public holidays are quiet from midnight to midnight, as are `days_off` (YYYY-MM-DD).
    Digests come at `digest_minute` of the person's day, weekly ones on `digest_weekday`. By each channel come at most
    `daily_cap` interruptions in 24 hours; what is more joins the next daily digest.
    """

    collection = "notification_preferences"
    data_subjects = (Subject("user_id", whole=True),)
    policies = {
        "choices quiet_hours country days_off digest_minute digest_weekday daily_cap version": ERASE,
        "user_id": PSEUDONYM,
    }

    user_id: ObjectId
    choices: list[Choice] = []
    quiet_hours: list[QuietHours] = []
    country: str | None = None
    days_off: list[str] = []
    digest_minute: int = EIGHT
    digest_weekday: int = 0
    daily_cap: int | None = None
    version: int = 1


class NotificationPreferencesDocument(StoredDocument, NotificationPreferences):
    class Settings:
        name = NotificationPreferences.collection
        indexes = [IndexModel([("user_id", ASCENDING)], unique=True)]


class NotificationDefaults(TenantRow):
    """How people in an organization are told of things as long as they have chosen nothing else."""

    collection = "notification_defaults"
    policies = {"choices version": keep("it is the organization's, whoever has chosen it")}

    choices: list[Choice] = []
    version: int = 1


class NotificationDefaultsDocument(StoredDocument, NotificationDefaults):
    class Settings:
        name = NotificationDefaults.collection
        indexes = [IndexModel([("organization_id", ASCENDING)], unique=True)]
