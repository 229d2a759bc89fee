from datetime import datetime

from bson import ObjectId
from pymongo import ASCENDING, IndexModel

from app.core.privacy import NEUTRAL, PSEUDONYM, Subject, keep
from app.models.base import PersonalRow, StoredDocument
from app.models.identity.legal_texts import LegalKind


class Consent(PersonalRow):
    """That a person has accepted a version of a legal text. From which address, the change log knows."""

    collection = "consents"
    data_subjects = (Subject("user_id"),)
    policies = {
        "user_id": PSEUDONYM,
        "language accepted_at withdrawn_at": keep("it must be possible to show that, and to what, somebody had agreed"),
        "text_id kind version": NEUTRAL,
    }

    user_id: ObjectId
    text_id: ObjectId
    """What they read."""
    kind: LegalKind
    version: int
    language: str
    accepted_at: datetime
    withdrawn_at: datetime | None = None


class ConsentDocument(StoredDocument, Consent):
    class Settings:
        name = Consent.collection
        indexes = [
            IndexModel(
                [("user_id", ASCENDING), ("kind", ASCENDING), ("version", ASCENDING)],
                unique=True,
                partialFilterExpression={"withdrawn_at": None},
                name="one_standing",
            ),
            IndexModel([("user_id", ASCENDING), ("_id", ASCENDING)]),
        ]
