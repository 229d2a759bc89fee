"""What happens to subscriptions and invoices."""

from collections.abc import Iterable
from dataclasses import dataclass

from bson import ObjectId

from app.core.changes import Event


@dataclass(frozen=True, kw_only=True)
class PlanChanged(Event):
    """A plan was made, changed, priced anew or archived."""

    plan: ObjectId


@dataclass(frozen=True, kw_only=True)
class OfSubscription(Event):
    """In the feed of the subscription, which the customer and the seller can follow."""

    subscription: ObjectId
    customer: ObjectId

    def feeds(self) -> Iterable[str]:
        return [f"b:{self.subscription}"]


@dataclass(frozen=True, kw_only=True)
class SubscriptionChanged(OfSubscription):
    """It has come to this state, or was changed within it."""

    state: str


@dataclass(frozen=True, kw_only=True)
class SubscriptionEnding(OfSubscription):
    """Its trial or its last period ends in so many days; the customer is told."""

    days: int
    trial: bool


@dataclass(frozen=True, kw_only=True)
class OfInvoice(OfSubscription):
    invoice: ObjectId


@dataclass(frozen=True, kw_only=True)
class InvoiceIssued(OfInvoice):
    pass


@dataclass(frozen=True, kw_only=True)
class InvoicePaid(OfInvoice):
    pass


@dataclass(frozen=True, kw_only=True)
class InvoiceOverpaid(OfInvoice):
    """A payment has brought more than was due, or a refund of it has come back; the customer has what is too much as a
    balance, and is told.
    """

    payment: ObjectId
    amount: int
    """What is too much, in minor units."""
    currency: str


@dataclass(frozen=True, kw_only=True)
class InvoiceOverdue(OfInvoice):
    pass


@dataclass(frozen=True, kw_only=True)
class InvoiceVoided(OfInvoice):
    pass


@dataclass(frozen=True, kw_only=True)
class CollectionDue(OfInvoice):
    """An invoice is to be charged, for the first time or again."""

    audited = False

    attempt: int


@dataclass(frozen=True, kw_only=True)
class CollectionFailed(OfInvoice):
    """An invoice could not be collected; the customer is told, with the way to pay it."""

    attempt: int
    last: bool


@dataclass(frozen=True, kw_only=True)
class CreditNoteIssued(OfInvoice):
    note: ObjectId


@dataclass(frozen=True, kw_only=True)
class CreditGranted(Event):
    credit: ObjectId
    customer: ObjectId

    def feeds(self) -> Iterable[str]:
        return [f"u:{self.customer}"]
