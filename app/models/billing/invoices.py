"""Invoices, as they are worked out and as they were issued."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from bson import ObjectId
from pymongo import ASCENDING, IndexModel

from app.core.privacy import NEUTRAL, PSEUDONYM, Subject, keep
from app.core.rows import Value
from app.models.base import DoorRow, StoredDocument, TenantRow, when_due
from app.models.billing.customers import CustomerKind


class InvoiceState(StrEnum):
    DRAFT = "draft"
    GRACE = "grace"
    """Late usage and credits may still change it."""
    ISSUED = "issued"
    PAID = "paid"
    OVERDUE = "overdue"
    VOID = "void"


AUTHENTICATION_NEEDED = "authentication_required"
"""The failure of an invoice that the customer's bank lets through once they have proved who they are."""
NOT_PAID = "unpaid"
"""The failure of one that the customer pays by themselves, and has not."""


class InvoiceCause(StrEnum):
    """What an invoice is made for."""

    FIRST = "first"
    RENEWAL = "renewal"
    CHANGE = "change"
    FINAL = "final"


class LineKind(StrEnum):
    FEE = "fee"
    PRORATION = "proration"
    OVERAGE = "overage"
    CREDIT = "credit"
    """A promotional or prepaid credit that is used."""
    CARRIED = "carried"
    """What is credited beyond what is charged, and kept as prepaid credit."""
    TAX = "tax"
    BALANCE = "balance"
    """Of credit notes and overpayment; it pays, so it comes after the tax."""


class CreditKind(StrEnum):
    """Credits in the order in which they are used."""

    PROMOTIONAL = "promotional"
    PREPAID = "prepaid"
    BALANCE = "balance"


@dataclass(slots=True)
class InvoiceItem(Value):
    """What is billed, before it is priced: `quantity` of what a price says, from `starts_at` to `ends_at`.

    A prorated one is the part of a fee from `starts_at` to the end of the period in which it is; it is credited when
    `sign` is -1.
    """

    kind: LineKind
    name: str
    price_id: ObjectId
    quantity: int
    starts_at: datetime
    ends_at: datetime
    period_starts_at: datetime
    meter_id: ObjectId | None = None
    sign: int = 1


@dataclass(slots=True)
class InvoiceLine(Value):
    """A line: an amount in minor units, negative when it is credited."""

    kind: LineKind
    name: str
    quantity: int
    amount: int
    starts_at: datetime | None = None
    ends_at: datetime | None = None


@dataclass(slots=True)
class CreditOffered(Value):
    """A credit that was there, and how much of it."""

    credit_id: ObjectId
    kind: CreditKind
    amount: int


@dataclass(frozen=True, slots=True)
class TaxPart(Value):
    """A tax of which there are several, in basis points."""

    name: str
    rate: int


@dataclass(slots=True)
class TaxAmount(Value):
    """What one tax comes to: its rate in basis points, the amount in minor units."""

    name: str
    rate: int
    amount: int


@dataclass(frozen=True, slots=True)
class InvoiceExemption(Value):
    """Why no tax is charged: by which certificate, and the reason as the invoice says it."""

    certificate: str
    reason: str


@dataclass(slots=True)
class InvoiceTax(Value):
    """The rate in basis points, and what it is called. Where there are several taxes, `parts` together are the rate.

    `place` is where it is supplied, where the tax depends on that: in India, the code of the state. `exemption` is why
    a customer owes none who would otherwise.
    """

    rate: int = 0
    name: str = ""
    reverse_charge: bool = False
    parts: list[TaxPart] = field(default_factory=list)
    place: str | None = None
    exemption: InvoiceExemption | None = None


class Invoice(DoorRow):
    """What a customer owes the organization, and for what. Once issued its content is never edited.

    All that it follows from is in it: `items`, `credits` and `tax` with the prices, which do not change either. So
    anybody can work it out again, and `digest` says whether it comes to the same. Amounts are in minor units:
    `subtotal` before credits, `net` before tax, `total` with it, `due` without what balances have paid.
    """

    collection = "invoices"
    data_subjects = (Subject("customer_id"),)
    policies = {
        "customer_id": PSEUDONYM,
        "items lines": keep("the law wants invoices to be kept, with what was sold"),
        "customer_kind subscription_id currency cause state number credits tax subtotal net": NEUTRAL,
        "tax_amount total due paid credited relieved payment_ids digest time_zone proration": NEUTRAL,
        "automatic payment_days attempts first_failed_at next_attempt_at failure hard_decline": NEUTRAL,
        "closes_at issued_at due_at paid_at created_at changed_at": NEUTRAL,
    }
    audited = frozenset({"state", "number", "total"})

    customer_kind: CustomerKind
    customer_id: ObjectId
    subscription_id: ObjectId
    currency: str
    cause: InvoiceCause
    state: InvoiceState = InvoiceState.DRAFT
    number: str | None = None
    items: list[InvoiceItem]
    lines: list[InvoiceLine] = []
    credits: list[CreditOffered] = []
    tax: InvoiceTax | None = None
    subtotal: int = 0
    net: int = 0
    tax_amount: int = 0
    total: int = 0
    due: int = 0
    paid: int = 0
    credited: int = 0
    """By credit notes."""
    relieved: int = 0
    """What of that lowers what is to be paid; the rest is the customer's balance."""
    digest: bytes = b""
    time_zone: str
    proration: str
    automatic: bool
    """Whether the customer's default method is charged."""
    payment_days: int
    payment_ids: list[ObjectId] = []
    """Of payments, refunds and disputes that are accounted for."""
    attempts: int = 0
    """To collect it that have failed."""
    first_failed_at: datetime | None = None
    next_attempt_at: datetime | None = None
    failure: str | None = None
    hard_decline: bool = False
    """Whether it is of no use to charge the same method again."""
    closes_at: datetime | None = None
    """When it is issued, unless that was done before."""
    issued_at: datetime | None = None
    due_at: datetime | None = None
    paid_at: datetime | None = None
    created_at: datetime
    changed_at: datetime

    @property
    def outstanding(self) -> int:
        """What is still to be paid."""
        return self.due - self.paid - self.relieved


class InvoiceDocument(StoredDocument, Invoice):
    class Settings:
        name = Invoice.collection
        indexes = [
            IndexModel(
                [("organization_id", ASCENDING), ("number", ASCENDING)],
                unique=True,
                partialFilterExpression={"number": {"$gt": ""}},
            ),
            IndexModel([("organization_id", ASCENDING), ("_id", ASCENDING)]),
            IndexModel([("organization_id", ASCENDING), ("subscription_id", ASCENDING), ("_id", ASCENDING)]),
            IndexModel([("customer_id", ASCENDING), ("_id", ASCENDING)]),
            IndexModel([("state", ASCENDING), ("closes_at", ASCENDING)]),
            IndexModel([("state", ASCENDING), ("due_at", ASCENDING)]),
            when_due("next_attempt_at"),
        ]


class CreditNote(DoorRow):
    """That a part of an issued invoice, or all of it, is taken back. `amount` is with tax, in minor units.

    `taxes` are what `tax_amount` is made of; notes from before there were several have none.
    """

    collection = "credit_notes"
    policies = {
        "invoice_id number currency amount net tax_amount taxes digest created_at": NEUTRAL,
        "reason": keep("the law wants credit notes to be kept, with why they were made"),
    }

    invoice_id: ObjectId
    number: str
    currency: str
    amount: int
    net: int
    tax_amount: int
    taxes: list[TaxAmount] = []
    reason: str
    digest: bytes
    created_at: datetime


class CreditNoteDocument(StoredDocument, CreditNote):
    class Settings:
        name = CreditNote.collection
        indexes = [
            IndexModel([("organization_id", ASCENDING), ("number", ASCENDING)], unique=True),
            IndexModel([("organization_id", ASCENDING), ("invoice_id", ASCENDING), ("_id", ASCENDING)]),
        ]


class Credit(TenantRow):
    """What a customer need not pay: given away, paid before, or owed to them. `left` of `amount`, in minor units."""

    collection = "credits"
    data_subjects = (Subject("customer_id"),)
    policies = {
        "customer_id": PSEUDONYM,
        "note": keep("it says why the customer owes less"),
        "customer_kind kind currency amount left expires_at created_at": NEUTRAL,
    }

    customer_kind: CustomerKind
    customer_id: ObjectId
    kind: CreditKind
    currency: str
    amount: int
    left: int
    note: str = ""
    expires_at: datetime | None = None
    created_at: datetime


class CreditDocument(StoredDocument, Credit):
    class Settings:
        name = Credit.collection
        indexes = [
            IndexModel(
                [("organization_id", ASCENDING), ("customer_id", ASCENDING), ("currency", ASCENDING)],
                partialFilterExpression={"left": {"$gt": 0}},
                name="left_of_customer",
            ),
            IndexModel([("organization_id", ASCENDING), ("customer_id", ASCENDING), ("_id", ASCENDING)]),
        ]


class NumberSeries(TenantRow):
    """The last number that an organization has given in a series; the next is taken by what gets it."""

    collection = "number_series"
    policies = {"series last": NEUTRAL}

    series: str
    last: int = 0


class NumberSeriesDocument(StoredDocument, NumberSeries):
    class Settings:
        name = NumberSeries.collection
        indexes = [IndexModel([("organization_id", ASCENDING), ("series", ASCENDING)], unique=True)]
