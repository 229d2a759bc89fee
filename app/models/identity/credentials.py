from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bson import ObjectId

from app.core import keyring
from app.core.actor import Actor
from app.core.keyring import Sealed
from app.core.privacy import ERASE, SECRET, Subject
from app.core.rows import Value
from app.models.base import StoredDocument, StoredRow, Where


@dataclass(slots=True)
class EmailChange(Value):
    """An address that is to become the person's, when both it and the one before have confirmed."""

    id: ObjectId
    email: str
    by_old: bool
    by_new: bool


@dataclass(slots=True)
class Totp(Value):
    """What makes the codes of a person's authenticator app (RFC 6238)."""

    sealed: Sealed
    confirmed: bool
    step: int
    """Of the newest code that was taken: none is taken twice, and none from before it."""


@dataclass(slots=True)
class Phone(Value):
    """A number that the person has shown to be theirs, in E.164."""

    number: Sealed


@dataclass(slots=True)
class FactorReset(Value):
    """That staff has taken a person's second factors away, and why; without `by_id` it was done by the command line."""

    at: datetime
    by_id: ObjectId | None
    reason: str


class Credential(StoredRow):
    """How a person proves who they are; its id is the user's.

    Apart from the user so that no reader of users ever holds it.
    """

    collection = "credentials"
    data_subjects = (Subject("_id", whole=True),)
    policies = {"password_hash totp recovery": SECRET, "email_change phone factor_reset": ERASE}
    audited = frozenset({"factor_reset"})

    password_hash: str | None = None
    email_change: EmailChange | None = None
    totp: Totp | None = None
    phone: Phone | None = None
    recovery: list[bytes] = []
    """Fingerprints of the codes that are left for who has lost the second factor."""
    factor_reset: FactorReset | None = None
    """The last time."""

    @classmethod
    def within(cls, actor: Actor, where: Where | None = None, **equal: Any) -> dict[str, Any]:
        asked = {**equal, **(where or {})}
        return asked if actor.system else {"$and": [asked, {"_id": actor.user_id}]}

    @classmethod
    def data_owner(cls, stored: Where) -> str:
        return keyring.person(stored["_id"])


class CredentialDocument(StoredDocument, Credential):
    id: ObjectId  # type: ignore[assignment]

    class Settings:
        name = Credential.collection
