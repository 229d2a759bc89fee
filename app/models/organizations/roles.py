from datetime import datetime

from bson import ObjectId
from pymongo import ASCENDING, IndexModel

from app.core.privacy import NEUTRAL, PSEUDONYM, keep
from app.models.base import StoredDocument, TenantRow


class CustomRole(TenantRow):
    """A set of permissions that an organization has put together and named."""

    collection = "roles"
    policies = {
        "name description": keep("it is the organization's, whoever has made it"),
        "created_by_id": PSEUDONYM,
        "permissions created_at version handings": NEUTRAL,
    }
    audited = frozenset({"name", "permissions"})

    name: str
    description: str = ""
    permissions: list[str] = []
    created_by_id: ObjectId | None = None
    created_at: datetime
    version: int = 1
    handings: int = 0
    """Rises when somebody is given the role, so that giving it conflicts with changing and removing it."""


class CustomRoleDocument(StoredDocument, CustomRole):
    class Settings:
        name = CustomRole.collection
        indexes = [
            IndexModel([("organization_id", ASCENDING), ("name", ASCENDING)], unique=True),
            IndexModel([("organization_id", ASCENDING), ("_id", ASCENDING)]),
        ]
