from datetime import datetime
from enum import StrEnum
from typing import Any

import bson
from bson import ObjectId
from pymongo import ASCENDING, IndexModel

from app.core import seals
from app.core.privacy import NEUTRAL, PSEUDONYM, SECRET, Subject
from app.models.base import PersonalRow, StoredDocument, StoredRow

_SEAL = "tickets"


class Purpose(StrEnum):
    """What a ticket is good for; it is worth nothing for anything else."""

    VERIFY_EMAIL = "verify_email"
    RESET_PASSWORD = "reset_password"  # noqa: S105 - a name
    CONFIRM_EMAIL = "confirm_email"
    SECOND_FACTOR = "second_factor"
    STEP_UP = "step_up"
    PHONE = "phone"
    OAUTH = "oauth"
    PASSKEY = "passkey"
    EXPORT = "export"
    UPLOAD = "upload"


class Ticket(PersonalRow):
    """The right to do one thing, once: a link, a code, a step of signing in. Its token is kept nowhere."""

    collection = "tickets"
    data_subjects = (Subject("user_id", whole=True),)
    policies = {
        "sealed": SECRET,
        "user_id": PSEUDONYM,
        "purpose created_at expires_at used_at": NEUTRAL,
    }

    purpose: Purpose
    user_id: ObjectId | None
    sealed: bytes
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None = None

    @property
    def data(self) -> dict[str, Any]:
        """What whoever issued it wanted to know again; it can hold secrets, for it is sealed where it is stored."""
        return bson.decode(seals.unseal(_SEAL, self.sealed))


class TicketDocument(StoredDocument, Ticket):
    class Settings:
        name = Ticket.collection
        indexes = [
            IndexModel([("user_id", ASCENDING), ("purpose", ASCENDING)]),
            IndexModel([("expires_at", ASCENDING)], expireAfterSeconds=0),
        ]


class TicketTries(StoredRow):
    """How often a ticket was tried with a code; its id is the ticket's.

    Apart from the ticket: a try counts whatever becomes of the transaction that goes on to use the ticket up.
    """

    collection = "ticket_tries"
    policies = {"tries expires_at": NEUTRAL}

    tries: int = 0
    expires_at: datetime


class TicketTriesDocument(StoredDocument, TicketTries):
    class Settings:
        name = TicketTries.collection
        indexes = [IndexModel([("expires_at", ASCENDING)], expireAfterSeconds=0)]


def sealed(data: dict[str, Any]) -> bytes:
    """How a ticket keeps its data."""
    return seals.seal(_SEAL, bson.encode(data))
