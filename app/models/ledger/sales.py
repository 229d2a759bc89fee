from dataclasses import dataclass
from datetime import datetime

from bson import ObjectId
from pymongo import ASCENDING, IndexModel

from app.core.privacy import NEUTRAL, PSEUDONYM, Subject
from app.core.rows import Value
from app.models.base import StoredDocument, TenantRow


@dataclass(slots=True)
class SaleRefund(Value):
    """That so much of a sale was given back, its share of the fee with it."""

    amount: int
    fee: int
    refunded_at: datetime
    key: str


class Sale(TenantRow):
    """That somebody sold something for the organization, which keeps `fee` of `amount`."""

    collection = "sales"
    data_subjects = (Subject("seller_id"),)
    policies = {
        "seller_id": PSEUDONYM,
        "reference amount fee currency refunds disputed sold_at": NEUTRAL,
    }

    reference: str
    """Of the order."""
    seller_id: ObjectId
    amount: int
    fee: int
    currency: str
    refunds: list[SaleRefund] = []
    disputed: bool = False
    sold_at: datetime


class SaleDocument(StoredDocument, Sale):
    class Settings:
        name = Sale.collection
        indexes = [
            IndexModel([(name, ASCENDING) for name in ("organization_id", "reference", "seller_id")], unique=True),
            IndexModel([("organization_id", ASCENDING), ("sold_at", ASCENDING)]),
            IndexModel([("organization_id", ASCENDING), ("refunds.refunded_at", ASCENDING)]),
            IndexModel([("organization_id", ASCENDING), ("seller_id", ASCENDING), ("sold_at", ASCENDING)]),
        ]
