"""That customers owe no tax: what their sellers have seen of it, and keep."""

from datetime import datetime

from bson import ObjectId
from pymongo import ASCENDING, IndexModel

from app.core.privacy import NEUTRAL, PSEUDONYM, Subject, keep
from app.models.base import StoredDocument, TenantRow
from app.models.billing.customers import CustomerKind


class TaxExemption(TenantRow):
    """That a customer of a seller owes no tax to a country, by a certificate, from one moment to before another.

    With a `region` only on what is supplied there. It is the seller's, who answers for the tax that was not charged.
    """

    collection = "tax_exemptions"
    data_subjects = (Subject("customer_id"),)
    policies = {
        "customer_id": PSEUDONYM,
        "certificate reason": keep("the law wants it to be known why no tax was charged"),
        "customer_kind country region starts_at ends_at created_at changed_at": NEUTRAL,
    }
    audited = frozenset({"country", "region", "certificate", "reason", "starts_at", "ends_at"})

    customer_kind: CustomerKind
    customer_id: ObjectId
    country: str
    region: str | None = None
    certificate: str
    reason: str
    starts_at: datetime
    ends_at: datetime | None = None
    created_at: datetime
    changed_at: datetime


class TaxExemptionDocument(StoredDocument, TaxExemption):
    class Settings:
        name = TaxExemption.collection
        indexes = [
            IndexModel([("organization_id", ASCENDING), ("customer_id", ASCENDING), ("_id", ASCENDING)]),
            IndexModel([("organization_id", ASCENDING), ("_id", ASCENDING)]),
        ]
