from typing import Any

from bson import ObjectId

from app.core.actor import Actor
from app.models.base import StoredDocument, StoredRow, Where


class Credential(StoredRow):
    """How a person proves who they are; its id is the user's.

    Apart from the user so that no reader of users ever holds it.
    """

    collection = "credentials"

    password_hash: str

    @classmethod
    def within(cls, actor: Actor, where: Where | None = None, **equal: Any) -> dict[str, Any]:
        asked = {**equal, **(where or {})}
        return asked if actor.system else {"$and": [asked, {"_id": actor.user_id}]}


class CredentialDocument(StoredDocument, Credential):
    id: ObjectId  # type: ignore[assignment]

    class Settings:
        name = Credential.collection
