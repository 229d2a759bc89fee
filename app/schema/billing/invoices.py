from datetime import datetime

import strawberry

from app import models
from app.core import money
from app.core.money import Minor
from app.schema.billing.amounts import money_of
from app.schema.billing.customers import CustomerKind
from app.schema.kit.context import Info
from app.schema.kit.fields import batched, computed
from app.schema.kit.money import Money
from app.schema.kit.nodes import Node, by_class
from app.schema.kit.transitions import AvailableTransition, available_transitions
from app.services.billing.invoicing import invoice_pdfs, notes, pricing
from app.services.billing.invoicing.invoices import INVOICE
from app.services.billing.subscribing import upcoming

strawberry.enum(models.InvoiceState, description="How far an invoice has come.")
strawberry.enum(models.InvoiceCause, description="What an invoice is made for.")
strawberry.enum(models.LineKind, name="InvoiceLineKind", description="What a line of an invoice is.")
strawberry.enum(models.CreditKind, description="What a credit is, in the order in which they are used.")


@strawberry.type(description="A line of an invoice; its amount is in minor units, negative when it is credited.")
class InvoiceLine:
    kind: models.LineKind
    name: str
    quantity: Minor
    amount: Minor
    starts_at: datetime | None
    ends_at: datetime | None

    @classmethod
    @by_class
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, models.InvoiceLine)


@strawberry.type(description="What one tax comes to, in minor units; several, such as CGST and SGST, are the tax.")
class TaxAmount:
    name: str
    rate: int = strawberry.field(description="In basis points.")
    amount: Minor

    @classmethod
    @by_class
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, models.TaxAmount)


@strawberry.type(description="Why no tax is charged.")
class InvoiceExemption:
    certificate: str = strawberry.field(description="The number of the certificate that was shown.")
    reason: str

    @classmethod
    @by_class
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, models.InvoiceExemption)


@strawberry.type(description="The tax on an invoice, all taxes together.")
class InvoiceTax:
    rate: int = strawberry.field(description="In basis points.")
    name: str
    reverse_charge: bool = strawberry.field(description="Whether the customer owes it to their state themselves.")
    place: str | None = strawberry.field(description="Where it is supplied: in India, the code of the state.")
    exemption: InvoiceExemption | None = strawberry.field(description="Why the customer owes none.")

    @classmethod
    @by_class
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, models.InvoiceTax)


@strawberry.type(description="An invoice as it would be issued, if nothing changed until then.")
class UpcomingInvoice:
    at: datetime = strawberry.field(description="When what it bills is over.")
    lines: list[InvoiceLine]
    tax: InvoiceTax
    subtotal: Money = money_of("subtotal", "Before credits.")
    net: Money = money_of("net", "Before tax.")
    tax_amount: Money = money_of("tax_amount")
    taxes: list[TaxAmount] = strawberry.field(description="What the tax is made of.")
    total: Money = money_of("total")
    due: Money = money_of("due", "What is left to pay.")

    @classmethod
    @by_class
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, upcoming.Upcoming)


@strawberry.type(description="That a part of an issued invoice is taken back.")
class CreditNote(Node):
    model = models.CreditNote

    number: str
    amount: Money = money_of("amount", "With tax.")
    net: Money = money_of("net")
    tax_amount: Money = money_of("tax_amount")
    reason: str
    created_at: datetime
    pdf_url: str | None = batched(
        invoice_pdfs.note_urls, description="Its PDF, for an hour or two; null until a job has made it."
    )

    @computed("id", description="What the tax is made of.", returns=list[TaxAmount])
    async def taxes(row: strawberry.Parent[models.CreditNote], info: Info) -> list[models.TaxAmount]:
        return await notes.note_taxes(row.id)

    @computed("digest", description="SHA-256 of all that it says, in hexadecimal.", personal=False)
    def digest(row: strawberry.Parent[models.CreditNote]) -> str | None:
        return row.digest.hex() or None

    @computed("id", description="Whether it adds up, and comes to the same digest.")
    async def verified(row: strawberry.Parent[models.CreditNote], info: Info) -> bool:
        return await notes.note_verified(row.id)


@strawberry.type(description="What a customer need not pay.")
class Credit(Node):
    model = models.Credit

    kind: models.CreditKind
    customer_kind: CustomerKind
    amount: Money = money_of("amount")
    left: Money = money_of("left")
    note: str
    expires_at: datetime | None
    created_at: datetime


@strawberry.type(description="What a customer owes a seller, and for what. Once issued it is never edited.")
class Invoice(Node):
    model = models.Invoice

    number: str | None = strawberry.field(description="Without gaps for each seller; null before it is issued.")
    cause: models.InvoiceCause
    state: models.InvoiceState
    customer_kind: CustomerKind
    lines: list[InvoiceLine]
    tax: InvoiceTax | None
    subtotal: Money = money_of("subtotal", "Before credits.")
    net: Money = money_of("net", "Before tax.")
    tax_amount: Money = money_of("tax_amount")
    total: Money = money_of("total")
    due: Money = money_of("due", "What balances of the customer have not paid at once.")
    paid: Money = money_of("paid")
    credited: Money = money_of("credited", "By credit notes.")
    attempts: int = strawberry.field(description="To collect it that have failed.")
    closes_at: datetime | None = strawberry.field(description="When it is issued at the latest.")
    issued_at: datetime | None
    due_at: datetime | None
    paid_at: datetime | None
    created_at: datetime
    available_transitions: list[AvailableTransition] = available_transitions(INVOICE)
    pdf_url: str | None = batched(
        invoice_pdfs.urls, description="Its PDF, for an hour or two; null until a job has made it."
    )

    @computed("due", "paid", "relieved", "currency", description="What is still to be paid.", returns=Money)
    def outstanding(row: strawberry.Parent[models.Invoice]) -> money.Money:
        return money.Money(row.outstanding, row.currency)

    @computed("net", "tax", description="What the tax is made of.", returns=list[TaxAmount])
    def taxes(row: strawberry.Parent[models.Invoice]) -> list[models.TaxAmount]:
        return pricing.taxes(row.net, row.tax)

    @computed("digest", description="SHA-256 of all that it follows from, in hexadecimal.", personal=False)
    def digest(row: strawberry.Parent[models.Invoice]) -> str | None:
        return row.digest.hex() or None

    @computed("id", description="Whether it comes to the same, digest and all, worked out again from what is in it.")
    async def verified(row: strawberry.Parent[models.Invoice], info: Info) -> bool:
        return await notes.verified(row.id)

    @computed("id", description="What was taken back of it, the first first.", returns=list[CreditNote])
    async def credit_notes(row: strawberry.Parent[models.Invoice], info: Info) -> list[models.CreditNote]:
        return await notes.of(row.id)
