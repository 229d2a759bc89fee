from pymongo import ASCENDING, IndexModel

from app.core.ledger import Account
from app.core.privacy import NEUTRAL, PSEUDONYM
from app.models.base import StoredDocument, TenantRow


class LedgerAccount(TenantRow, Account):
    """Who has how much of a currency in the book of an organization."""

    collection = Account.collection
    policies = {
        "code currency bound posted held coming entries opened_at": NEUTRAL,
        "holder_id": PSEUDONYM,
    }


class LedgerAccountDocument(StoredDocument, LedgerAccount):
    class Settings:
        name = Account.collection
        indexes = [
            IndexModel(
                [(name, ASCENDING) for name in ("organization_id", "code", "holder_id", "currency")], unique=True
            ),
            IndexModel([("organization_id", ASCENDING), ("holder_id", ASCENDING)]),
            IndexModel([("organization_id", ASCENDING), ("_id", ASCENDING)]),
        ]
