from pymongo import ASCENDING, IndexModel

from app.core.privacy import NEUTRAL
from app.core.quotas import Account
from app.models.base import StoredDocument, TenantRow


class QuotaAccount(TenantRow, Account):
    """What an organization has used of a quota."""

    collection = Account.collection
    policies = {"name limit used held reservations": NEUTRAL}


class QuotaAccountDocument(StoredDocument, QuotaAccount):
    class Settings:
        name = Account.collection
        indexes = [IndexModel([("organization_id", ASCENDING), ("name", ASCENDING)], unique=True)]
