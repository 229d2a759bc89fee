from datetime import datetime
from enum import StrEnum

from bson import ObjectId
from pymongo import ASCENDING, IndexModel

from app.core.privacy import NEUTRAL, PSEUDONYM, Subject, keep
from app.models.base import StoredDocument, TenantRow


class CustomerKind(StrEnum):
    """Who buys: an organization, or a person."""

    ORGANIZATION = "organization"
    PERSON = "person"


class Provider(StrEnum):
    """By whom, or how, money comes in."""

    STRIPE = "stripe"
    RAZORPAY = "razorpay"
    PAYPAL = "paypal"
    COINBASE = "coinbase"
    BANK_TRANSFER = "bank_transfer"
    CASH = "cash"


class BillingCustomer(TenantRow):
    """What a provider calls a customer of the organization that sells."""

    collection = "billing_customers"
    data_subjects = (Subject("customer_id"),)
    policies = {
        "customer_id": PSEUDONYM,
        "provider_ref": keep("the provider keeps what was paid, as the law demands, under this name"),
        "customer_kind provider created_at": NEUTRAL,
    }

    customer_kind: CustomerKind
    customer_id: ObjectId
    provider: Provider
    provider_ref: str
    created_at: datetime


class BillingCustomerDocument(StoredDocument, BillingCustomer):
    class Settings:
        name = BillingCustomer.collection
        indexes = [
            IndexModel(
                [(n, ASCENDING) for n in ("organization_id", "customer_id", "customer_kind", "provider")], unique=True
            ),
            IndexModel([("organization_id", ASCENDING), ("provider_ref", ASCENDING)]),
        ]
