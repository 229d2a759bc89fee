from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from bson import ObjectId
from pymongo import ASCENDING, IndexModel

from app.core.keyring import Sealed
from app.core.privacy import ERASE, NEUTRAL, PSEUDONYM, Subject
from app.models.base import PersonalRow, StoredDocument

KEPT = timedelta(days=7)


class ExportKind(StrEnum):
    PERSON = "person"
    """Everything that is known of who asked."""
    AUDIT = "audit"
    """Entries of an organization's audit trail."""


class ExportState(StrEnum):
    PENDING = "pending"
    READY = "ready"
    FAILED = "failed"


class _Asked(PersonalRow):
    """What belongs to who asked for it, and to nobody else."""

    user_id: ObjectId


class Export(_Asked):
    """A file that somebody asked for. It is made by a job, in sealed parts, and goes after KEPT."""

    collection = "exports"
    data_subjects = (Subject("user_id", whole=True),)
    policies = {
        "user_id": PSEUDONYM,
        "kind organization_id filter state parts size created_at ready_at": NEUTRAL,
    }

    kind: ExportKind
    organization_id: ObjectId | None = None
    filter: dict[str, Any] = {}
    state: ExportState = ExportState.PENDING
    parts: int = 0
    size: int = 0
    """In bytes."""
    created_at: datetime
    ready_at: datetime | None = None


class ExportPart(_Asked):
    """A piece of an export's file, in the order of `number`, from 0."""

    collection = "export_parts"
    data_subjects = (Subject("user_id", whole=True),)
    policies = {"user_id": PSEUDONYM, "content": ERASE, "export_id number created_at": NEUTRAL}

    export_id: ObjectId
    number: int
    content: Sealed
    created_at: datetime


class ExportDocument(StoredDocument, Export):
    class Settings:
        name = Export.collection
        indexes = [
            IndexModel([("user_id", ASCENDING), ("_id", ASCENDING)]),
            IndexModel(
                [("user_id", ASCENDING), ("kind", ASCENDING), ("organization_id", ASCENDING)],
                unique=True,
                partialFilterExpression={"state": ExportState.PENDING.value},
                name="one_pending",
            ),
            IndexModel([("created_at", ASCENDING)], expireAfterSeconds=int(KEPT.total_seconds())),
        ]


class ExportPartDocument(StoredDocument, ExportPart):
    class Settings:
        name = ExportPart.collection
        indexes = [
            IndexModel([("export_id", ASCENDING), ("number", ASCENDING)], unique=True),
            IndexModel([("user_id", ASCENDING)]),
            IndexModel([("created_at", ASCENDING)], expireAfterSeconds=int(KEPT.total_seconds())),
        ]
