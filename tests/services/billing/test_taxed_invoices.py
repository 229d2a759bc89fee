"""BIL-11: India's taxes from the offer to the credit note: one engine says what they come to."""

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from app.core import changes
from app.core.actor import Actor
from app.core.clock import now
from app.core.errors import NotFound
from app.core.money import Minor
from app.core.rows import codec
from app.models import (
    Buyer,
    Collection,
    CreditNote,
    CustomerKind,
    Interval,
    Invoice,
    InvoiceExemption,
    InvoiceLine,
    InvoiceTax,
    LedgerAccount,
    LineKind,
    PricingModel,
    Subscription,
    SubscriptionState,
    TaxAmount,
)
from app.services.billing.invoicing import (
    dues,
    inputs,
    invoice_pdfs,
    invoice_showing,
    invoices,
    notes,
    pricing,
    tax_exemptions,
    tax_profiles,
    verification,
)
from app.services.billing.invoicing.dues import NewCreditNote
from app.services.billing.invoicing.inputs import Inputs
from app.services.billing.invoicing.tax_exemptions import TaxExemptionAction, TaxExemptionGiven
from app.services.billing.invoicing.tax_profiles import TaxProfileGiven, UnknownState
from app.services.billing.selling import plans
from app.services.billing.selling.plans import NewPlan, NewPrice, NewRate
from app.services.billing.subscribing import subscriptions, upcoming
from app.services.billing.subscribing.subscriptions import Change, NewSubscription
from tests.factories.organizations import make_member, make_owner
from tests.services.billing.pdfs import read

pytestmark = pytest.mark.usefixtures("documents")

Given = Mapping[str, Any]
PRICE = 12_345
"""Paise: half of 18 % is 1111.05, all of it 2222.1."""


async def sold(
    region: str | None, *, seller: str = "29AAPFU0939F1ZR", exempt: Given | None = None
) -> tuple[Actor, Change]:
    """Who sells from Karnataka, and what comes of it that somebody in a state subscribes, or somebody exempt."""
    owner = await make_owner()
    assert owner.organization_id
    await tax_profiles.set_organization(owner, TaxProfileGiven(country="IN", legal_name="Gyan", tax_id=seller))
    buyer = await make_member(owner.organization_id, name="Lakshmi")
    if region:
        await tax_profiles.set_person(buyer, TaxProfileGiven(country="IN", legal_name="Lakshmi", region=region))
    if exempt:
        assert buyer.user_id
        who = Buyer(CustomerKind.PERSON, buyer.user_id)
        known = {"country": "IN", "certificate": "E-17/2026", "reason": "A school by s. 11."}
        await tax_exemptions.grant(owner, TaxExemptionGiven.model_validate({"customer_id": who, **known, **exempt}))
    plan = await plans.create(owner, NewPlan(key="basic", name="Basic"))
    rate = NewRate(model=PricingModel.FLAT, amount=Minor(PRICE))
    price = await plans.set_price(owner, NewPrice(plan_id=plan.id, currency="INR", interval=Interval.MONTH, rate=rate))
    given = NewSubscription(price_id=price.id, collection=Collection.MANUAL)
    return owner, await subscriptions.subscribe(buyer, given)


def halves(name: str, amount: int) -> list[TaxAmount]:
    return [TaxAmount("CGST", 900, amount), TaxAmount(name, 900, amount)]


@pytest.mark.parametrize(
    ("seller", "region", "taxes", "place"),
    [
        ("29AAPFU0939F1ZR", "29", halves("SGST", 1_111), "29"),
        ("29AAPFU0939F1ZR", None, halves("SGST", 1_111), "29"),
        ("04AAPFU0939F1Z3", "04", halves("UTGST", 1_111), "04"),
        ("29AAPFU0939F1ZR", "07", [TaxAmount("IGST", 1_800, 2_222)], "07"),
    ],
)
async def test_each_tax_is_a_line_of_its_own(
    seller: str, region: str | None, taxes: list[TaxAmount], place: str
) -> None:
    owner, made = await sold(region, seller=seller)
    invoice, active = made.invoice, {"state": SubscriptionState.ACTIVE.value}
    assert invoice
    assert invoice.tax
    subscription = await changes.change(Subscription, {"_id": made.subscription.id}, {"$set": active})
    assert subscription
    next_one = await upcoming.of(subscription)
    assert next_one
    lines = [(line.name, line.amount) for line in invoice.lines if line.kind is LineKind.TAX]
    assert lines == [(one.name, one.amount) for one in taxes]
    assert pricing.taxes(invoice.net, invoice.tax) == next_one.taxes == taxes
    assert invoice.tax_amount == next_one.tax_amount == sum(one.amount for one in taxes)
    assert (invoice.total, invoice.tax.place, next_one.tax) == (PRICE + 2_222, place, invoice.tax)
    assert await notes.verified(invoice.id)
    assert owner.organization_id
    assert await verification.faults(owner.organization_id) == []
    book = {one.code: one.posted for one in await LedgerAccount.select(owner)}
    assert (book["tax"], book["revenue"], book["receivable"]) == (2_222, PRICE, -PRICE - 2_222)
    await changes.change(Invoice, {"_id": invoice.id}, {"$set": {"tax.parts.0.rate": 901}})
    assert not await notes.verified(invoice.id), "what it is made of is a part of what it says"


async def test_an_invoice_from_before_there_were_several_taxes_holds() -> None:
    """It had one tax, rounded at once, and its credit notes are of that."""
    owner, made = await sold("29")
    assert made.invoice
    id, old = made.invoice.id, {"tax.parts": "", "tax.place": ""}
    invoice = await changes.change(Invoice, {"_id": id}, {"$unset": old, "$set": {"tax.name": "GST"}})
    assert invoice
    assert invoice.tax == InvoiceTax(1_800, "GST")
    assert await invoice_showing.shown(invoice)
    seller = Actor.platform(invoice.organization_id)
    read = Inputs(invoice.items, await inputs.prices_of(seller, invoice.items), [], invoice.tax, inputs.terms(invoice))
    bill = read.bill()
    assert [(one.name, one.rate, one.amount) for one in bill.taxes] == [("GST", 1_800, 2_222)]
    said = {"digest": invoices.fingerprint(invoice, read, bill), "lines": codec(list[InvoiceLine])[0](bill.lines)}
    await changes.change(Invoice, {"_id": id}, {"$set": said})
    assert await notes.verified(id)
    note = await dues.credit(owner, NewCreditNote(invoice_id=id, amount=Minor(1_000), reason="Late."))
    assert note.taxes == [TaxAmount("GST", 1_800, note.tax_amount)]
    before = await changes.change(CreditNote, {"_id": note.id}, {"$unset": {"taxes": ""}})
    assert before
    assert await notes.note_taxes(note.id) == note.taxes


async def test_credit_notes_take_back_all_of_each_tax() -> None:
    owner, made = await sold("29")
    assert made.invoice
    assert owner.organization_id
    taken: Counter[str] = Counter()
    for amount in (1, 4_999, 7_000, None):
        new = NewCreditNote(invoice_id=made.invoice.id, amount=amount and Minor(amount), reason="A mistake.")
        note = await dues.credit(owner, new)
        central, local = note.taxes
        assert (central.name, local.name) == ("CGST", "SGST")
        assert central.amount == local.amount
        assert note.tax_amount == central.amount + local.amount == note.amount - note.net
        assert await notes.note_verified(note.id)
        taken.update({one.name: one.amount for one in note.taxes})
    assert taken == {"CGST": 1_111, "SGST": 1_111}
    assert await verification.faults(owner.organization_id) == []
    book = {one.code: one.posted for one in await LedgerAccount.select(owner)}
    assert (book["tax"], book["revenue"]) == (0, 0)
    await changes.change(CreditNote, {"_id": note.id}, {"$set": {"taxes.0.name": "IGST"}})
    assert not await notes.note_verified(note.id)


@pytest.mark.usefixtures("kept")
async def test_the_pdf_says_each_tax_and_where_it_is_supplied() -> None:
    owner, made = await sold("29")
    assert made.invoice
    await invoice_showing.make_pdf(made.invoice.id)
    [url] = (await invoice_pdfs.urls(owner, [made.invoice.id])).values()
    text = await read(url)
    for said in ("CGST 9% ₹11.11", "SGST 9% ₹11.11", "Total ₹145.67", "Place of supply", "Karnataka (29)"):
        assert said in text, text
    note = await dues.credit(owner, NewCreditNote(invoice_id=made.invoice.id, reason="A mistake."))
    await invoice_showing.make_note_pdf(note.id)
    [url] = (await invoice_pdfs.note_urls(owner, [note.id])).values()
    text = await read(url)
    for said in ("CGST 9% -₹11.11", "SGST 9% -₹11.11", "-₹145.67", "Karnataka (29)"):
        assert said in text, text


@pytest.mark.usefixtures("kept")
async def test_who_is_exempt_is_charged_no_tax_and_the_invoice_says_why() -> None:
    owner, made = await sold("29", exempt={"region": "29"})
    invoice = made.invoice
    assert invoice
    assert invoice.tax
    assert (invoice.total, invoice.tax_amount, pricing.taxes(invoice.net, invoice.tax)) == (PRICE, 0, [])
    assert invoice.tax.exemption == InvoiceExemption("E-17/2026", "A school by s. 11.")
    assert await notes.verified(invoice.id)
    await invoice_showing.make_pdf(invoice.id)
    [url] = (await invoice_pdfs.urls(owner, [invoice.id])).values()
    assert "Exempt from tax: A school by s. 11. (certificate E-17/2026)." in await read(url)
    await changes.change(Invoice, {"_id": invoice.id}, {"$set": {"tax.exemption.reason": "None."}})
    assert not await notes.verified(invoice.id)


@pytest.mark.parametrize(
    "exempt",
    [
        {"starts_at": now() - timedelta(days=9), "ends_at": now() - timedelta(days=1)},
        {"starts_at": now() + timedelta(days=1)},
        {"region": "07"},
        {"country": "DE"},
    ],
    ids=["over", "to come", "another state's", "another country's"],
)
async def test_what_does_not_hold_frees_of_nothing(exempt: Given) -> None:
    _, made = await sold("29", exempt=exempt)
    assert made.invoice
    assert made.invoice.tax
    assert (made.invoice.tax_amount, made.invoice.tax.exemption) == (2_222, None)


async def test_an_exemption_holds_with_who_has_seen_it_until_it_is_ended() -> None:
    """Each seller answers for what they did not charge; another's certificate is none of theirs."""
    seller, other = await make_owner(), await make_owner()
    assert seller.organization_id
    buyer = await make_member(seller.organization_id)
    assert buyer.user_id
    who = Buyer(CustomerKind.PERSON, buyer.user_id)
    given = TaxExemptionGiven(customer_id=who, country="DE", certificate="1", reason="A school.")
    with pytest.raises(NotFound):
        await tax_exemptions.grant(other, given)
    granted, moment = await tax_exemptions.grant(seller, given), now()
    assert [one.certificate for one in await tax_exemptions.holding(seller, who, moment)] == ["1"]
    assert await tax_exemptions.holding(other, who, moment) == ()
    with pytest.raises(NotFound):
        await tax_exemptions.end(other, TaxExemptionAction(exemption_id=granted.id))
    ended = await tax_exemptions.end(seller, TaxExemptionAction(exemption_id=granted.id))
    assert ended.ends_at
    assert await tax_exemptions.holding(seller, who, ended.ends_at) == ()
    again = await tax_exemptions.end(seller, TaxExemptionAction(exemption_id=granted.id))
    assert again.ends_at == ended.ends_at
    for bad in ({"ends_at": moment - timedelta(days=1)}, {"starts_at": moment, "ends_at": moment}, {"country": "XX"}):
        with pytest.raises(ValidationError):
            TaxExemptionGiven.model_validate(given.model_dump() | bad)
    with pytest.raises(UnknownState):
        await tax_exemptions.grant(seller, given.model_copy(update={"country": "IN", "region": "99"}))
