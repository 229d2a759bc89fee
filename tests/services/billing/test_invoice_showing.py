"""BIL-7: the PDFs of issued invoices and of credit notes say what these do."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.core import changes
from app.core.clock import new_id
from app.core.errors import NotFound
from app.core.money import Minor
from app.models import (
    Collection,
    CreditNote,
    CustomerKind,
    Interval,
    Invoice,
    InvoiceCause,
    InvoiceDocument,
    InvoiceLine,
    InvoiceState,
    InvoiceTax,
    LineKind,
    Organization,
    PricingModel,
    User,
)
from app.services.billing.invoicing import dues, invoice_pdfs, invoice_showing, notes, tax_profiles, verification
from app.services.billing.invoicing.dues import NewCreditNote
from app.services.billing.invoicing.tax_profiles import TaxProfileGiven
from app.services.billing.selling import plans
from app.services.billing.selling.plans import NewPlan, NewPrice, NewRate
from app.services.billing.subscribing import subscriptions
from app.services.billing.subscribing.subscriptions import NewSubscription
from tests.factories.organizations import make_member, make_owner
from tests.services.billing.pdfs import read

pytestmark = pytest.mark.usefixtures("documents")

NOVEMBER, DECEMBER = datetime(2026, 10, 31, 23, tzinfo=UTC), datetime(2026, 11, 30, 23, tzinfo=UTC)
"""Midnight in Berlin."""


@pytest.mark.usefixtures("kept")
async def test_an_issued_invoice_becomes_a_pdf_once() -> None:
    seller = await make_owner()
    assert seller.organization_id
    buyer = await make_member(seller.organization_id, name="Grace Hopper")
    assert buyer.user_id
    given = TaxProfileGiven(country="DE", legal_name="Birke GmbH", city="Berlin", tax_id="DE 136 695 976")
    await tax_profiles.set_organization(seller, given)
    invoice = InvoiceDocument(
        id=new_id(),
        organization_id=seller.organization_id,
        customer_kind=CustomerKind.PERSON,
        customer_id=buyer.user_id,
        subscription_id=new_id(),
        currency="EUR",
        cause=InvoiceCause.RENEWAL,
        items=[],
        lines=[
            InvoiceLine(LineKind.FEE, "Standard", 2, 10_000, NOVEMBER, DECEMBER),
            InvoiceLine(LineKind.CREDIT, "Welcome", 1, -1_000),
            InvoiceLine(LineKind.TAX, "VAT", 1, 1_710),
            InvoiceLine(LineKind.BALANCE, "Balance", 1, -710),
        ],
        tax=InvoiceTax(1_900, "VAT"),
        subtotal=10_000,
        net=9_000,
        tax_amount=1_710,
        total=10_710,
        due=10_000,
        time_zone="Europe/Berlin",
        proration="prorate",
        automatic=False,
        payment_days=14,
        created_at=DECEMBER,
        changed_at=DECEMBER,
    )
    await changes.insert(invoice)
    with pytest.raises(NotFound):  # it has no number yet
        await invoice_showing.make_pdf(invoice.id)
    issued = {"number": "2026-7", "state": InvoiceState.ISSUED.value, "issued_at": DECEMBER, "due_at": DECEMBER}
    await changes.change(Invoice, {"_id": invoice.id}, {"$set": issued})
    made = await invoice_showing.make_pdf(invoice.id)
    assert made
    again = await invoice_showing.make_pdf(invoice.id)
    assert again
    assert again.id == made.id
    (url,) = (await invoice_pdfs.urls(buyer, [invoice.id])).values()
    text = await read(url)
    for said in ("2026-7", "Birke GmbH", "DE136695976", "Grace Hopper", "Nov 1, 2026 – Nov 30, 2026", "Standard"):
        assert said in text, text
    for said in ("€100.00", "-€10.00", "VAT 19% €17.10", "Total €107.10", "Paid -€7.10", "Amount due €100.00"):
        assert said in text, text
    assert "Balance" not in text, "what balances have paid stands below"


async def test_a_credit_note_becomes_a_pdf_as_its_invoice_does(kept: Path) -> None:
    """In the language of who buys and the colours of who sells, with the invoice that it takes back."""
    seller = await make_owner()
    assert seller.organization_id
    looks = {"brand_color": "#1d6b45", "brand_text_color": "#ffffff", "tax_rate": 2_000}
    await changes.change(Organization, {"_id": seller.organization_id}, {"$set": looks})
    buyer = await make_member(seller.organization_id, name="Grace Hopper")
    await changes.change(User, {"_id": buyer.user_id}, {"$set": {"locale": "fr"}})
    plan = await plans.create(seller, NewPlan(key="basic", name="Basic"))
    rate = NewRate(model=PricingModel.FLAT, amount=Minor(1_000))
    price = await plans.set_price(seller, NewPrice(plan_id=plan.id, currency="EUR", interval=Interval.MONTH, rate=rate))
    made = await subscriptions.subscribe(buyer, NewSubscription(price_id=price.id, collection=Collection.MANUAL))
    assert made.invoice
    assert made.invoice.total == 1_200
    note = await dues.credit(seller, NewCreditNote(invoice_id=made.invoice.id, amount=Minor(600), reason="Une panne."))
    first, again = [await invoice_showing.make_note_pdf(note.id) for _ in range(2)]
    assert first
    assert again
    assert again.id == first.id
    invoiced = await invoice_showing.make_pdf(made.invoice.id)
    assert invoiced
    assert invoiced.id != first.id
    shown = await invoice_showing.shown_note(note, made.invoice)
    assert (shown.brand_color, shown.sender, shown.language) == ("#1d6b45", "Birch School", "fr")
    assert first.digest == hashlib.sha256(await invoice_pdfs.typeset(shown)).digest()
    (url,) = (await invoice_pdfs.note_urls(buyer, [note.id, made.invoice.id])).values()
    text = await read(url)
    for said in (
        "Avoir",
        "CN-000001",
        "INV-000001",
        "Une panne.",
        "Grace Hopper",
        "-5,00 €",
        "20%",
        "-1,00 €",
        "-6,00 €",
    ):
        assert said in text, text
    assert len(list(kept.rglob("*.pdf"))) == 2
    await invoice_pdfs.remove_of(seller.organization_id)
    assert list(kept.rglob("*.pdf")) == []


async def test_a_credit_note_that_was_changed_is_found() -> None:
    seller = await make_owner()
    assert seller.organization_id
    buyer = await make_member(seller.organization_id)
    plan = await plans.create(seller, NewPlan(key="basic", name="Basic"))
    rate = NewRate(model=PricingModel.FLAT, amount=Minor(1_000))
    price = await plans.set_price(seller, NewPrice(plan_id=plan.id, currency="EUR", interval=Interval.MONTH, rate=rate))
    made = await subscriptions.subscribe(buyer, NewSubscription(price_id=price.id, collection=Collection.MANUAL))
    assert made.invoice
    note = await dues.credit(seller, NewCreditNote(invoice_id=made.invoice.id, amount=Minor(600), reason="An outage."))
    assert await notes.note_verified(note.id)
    assert await verification.faults(seller.organization_id) == []
    for set in ({"reason": "No reason."}, {"amount": 601}, {"net": 1}):
        await changes.change(CreditNote, {"_id": note.id}, {"$set": set})
        assert not await notes.note_verified(note.id)
        assert [fault.name for fault in await verification.faults(seller.organization_id)] == [note.number]
        was = {name: getattr(note, name) for name in set}
        await changes.change(CreditNote, {"_id": note.id}, {"$set": was})
    assert await verification.faults(seller.organization_id) == []
