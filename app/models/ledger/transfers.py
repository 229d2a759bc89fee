from pymongo import ASCENDING, IndexModel

from app.core.clock import FIRST_ID
from app.core.ledger import Transfer
from app.core.privacy import NEUTRAL, keep
from app.models.base import StoredDocument, TenantRow


class LedgerTransfer(TenantRow, Transfer):
    """What was moved between the accounts of an organization's book. It is never changed."""

    collection = Transfer.collection
    policies = {
        "key kind phase postings reference settles_id reverses_id value_at booked_at digest": NEUTRAL,
        "memo": keep("a book has to say why something was moved"),
    }


def _of_account(*names: str, unique: bool = False) -> IndexModel:
    return IndexModel([(name, ASCENDING) for name in ("organization_id", "postings.account_id", *names)], unique=unique)


def _once(name: str) -> IndexModel:
    """No two transfers do it to one."""
    keys = [("organization_id", ASCENDING), (name, ASCENDING)]
    return IndexModel(keys, unique=True, partialFilterExpression={name: {"$gt": FIRST_ID}})


class LedgerTransferDocument(StoredDocument, LedgerTransfer):
    class Settings:
        name = Transfer.collection
        indexes = [
            IndexModel([("organization_id", ASCENDING), ("key", ASCENDING)], unique=True),
            _once("settles_id"),
            _once("reverses_id"),
            _of_account("postings.entry", unique=True),
            _of_account("booked_at"),
            _of_account("value_at"),
            _of_account("_id"),
            IndexModel([("organization_id", ASCENDING), ("reference", ASCENDING), ("_id", ASCENDING)]),
            IndexModel([("organization_id", ASCENDING), ("_id", ASCENDING)]),
        ]
