"""Who is told of invoices, payments and subscriptions, in their language; no second e-mail tells of them."""

from datetime import timedelta

import pytest

from app.core import changes
from app.core.actor import Actor
from app.core.changes import Event
from app.core.clock import new_id, now
from app.core.money import Minor, Money
from app.core.paging import PageArgs
from app.models import (
    PLATFORM_ID,
    Channel,
    Collection,
    CustomerKind,
    Interval,
    Invoice,
    Mode,
    Notification,
    NotificationKind,
    PlanDocument,
    PricingModel,
    Provider,
    Subscription,
    User,
)
from app.models.billing.events import (
    CollectionFailed,
    InvoiceIssued,
    InvoiceOverdue,
    InvoicePaid,
    OfInvoice,
    SubscriptionEnding,
)
from app.models.billing.payment_events import PaymentRefunded
from app.services.billing.collecting import dunning
from app.services.billing.invoicing import dues
from app.services.billing.paying import receipts
from app.services.billing.paying.receipts import NewReceipt
from app.services.billing.selling import plans
from app.services.billing.selling.plans import NewPlan, NewPrice, NewRate
from app.services.billing.subscribing import subscriptions
from app.services.billing.subscribing.subscriptions import NewSubscription
from app.services.notifications import notifications, telling
from app.services.notifications.decisions import Attention, Outcome, decide
from app.services.notifications.types import billing
from app.services.notifications.types.registry import TYPES
from tests.factories.organizations import make_member, make_owner
from tests.services.notifications.pages import page

pytestmark = pytest.mark.usefixtures("documents")

DAY = timedelta(days=1)
MAILED = [type for type in TYPES.values() if type.mailed]


class Customer:
    """Somebody who has subscribed and pays by themselves, and their first invoice."""

    def __init__(self, seller: Actor, actor: Actor, subscription: Subscription, invoice: Invoice) -> None:
        self.seller = Actor.platform(seller.organization_id)
        self.actor, self.subscription, self.invoice = actor, subscription, invoice

    async def told(self) -> list[tuple[str, str]]:
        """The kinds and texts of their notifications, the first first."""
        found = await notifications.newest(self.actor, PageArgs(), unread_only=False, archived=False)
        return [(row.kind.value, row.text) for row in reversed(found.nodes)]

    def about(self, kind: type[OfInvoice], **more: object) -> Event:
        known = {"subscription": self.subscription.id, "customer": self.actor.user_id, "invoice": self.invoice.id}
        return kind(self.seller, **known, **more)  # type: ignore[arg-type]

    async def missed(self, code: str, *, hard: bool = False) -> Event:
        """An attempt to collect the invoice has failed."""
        row = await Invoice.require(self.seller, self.invoice.id)
        await dunning.failed(self.seller, row.id, row.attempts + 1, code, now(), hard=hard)
        return self.about(CollectionFailed, attempt=row.attempts + 1, last=hard)

    async def pay(self) -> None:
        row = await Invoice.require(self.seller, self.invoice.id)
        await dues.apply(self.seller, row.id, new_id(), Money(row.outstanding, row.currency), now())


@pytest.fixture
async def customer() -> Customer:
    seller = await make_owner()
    assert seller.organization_id
    actor = await make_member(seller.organization_id)
    plan = await plans.create(seller, NewPlan(key="basic", name="Basic"))
    rate = NewRate(model=PricingModel.FLAT, amount=Minor(1_050))
    price = await plans.set_price(seller, NewPrice(plan_id=plan.id, currency="EUR", interval=Interval.MONTH, rate=rate))
    made = await subscriptions.subscribe(actor, NewSubscription(price_id=price.id, collection=Collection.MANUAL))
    assert made.invoice
    return Customer(seller, actor, made.subscription, made.invoice)


async def test_an_invoice_is_told_with_when_it_is_due(customer: Customer) -> None:
    await telling.follow(page(customer.about(InvoiceIssued)))
    due = customer.invoice.due_at
    assert due
    assert await customer.told() == [
        ("invoice", f"Invoice INV-000001 over €10.50 is due on {due:%B} {due.day}, {due.year}.")
    ]


async def test_what_goes_wrong_is_told_by_what_it_is(customer: Customer) -> None:
    for code, hard in (("insufficient_funds", False), ("authentication_required", False), ("lost_card", True)):
        await telling.follow(page(await customer.missed(code, hard=hard)))
    assert await customer.told() == [
        ("payment_failed", "€10.50 for Basic could not be collected."),
        ("payment_failed", "Your bank wants to know that it is you who pays €10.50 for Basic."),
        ("payment_failed", "€10.50 for Basic could not be collected, and is not tried again."),
    ]


async def test_who_pays_by_themselves_is_told_once_that_it_is_overdue_and_reminded(customer: Customer) -> None:
    assert customer.invoice.due_at
    await dunning.run(customer.invoice.due_at, customer.seller)
    first = customer.about(CollectionFailed, attempt=1, last=False)
    await telling.follow(page(customer.about(InvoiceOverdue), first))
    await telling.follow(page(await customer.missed("unpaid")))
    assert await customer.told() == [
        ("invoice_overdue", "Invoice INV-000001 is overdue: €10.50 is to be paid."),
        ("payment_failed", "€10.50 for Basic is still to be paid."),
    ]


async def test_what_is_paid_is_told_no_more_and_says_nothing(customer: Customer) -> None:
    inside = Actor.platform(customer.actor.organization_id)
    failed = await customer.missed("declined")
    await telling.follow(page(customer.about(InvoiceIssued), failed))
    rows = await Notification.select(inside, {"user_id": customer.actor.user_id})
    assert {row.invoice_id for row in rows} == {customer.invoice.id}
    assert await billing.INVOICE.stands(customer.actor, rows) == {row.id for row in rows}
    await customer.pay()
    for type in (billing.INVOICE, billing.INVOICE_OVERDUE, billing.PAYMENT_FAILED):
        assert await type.stands(customer.actor, rows) == set()
    before = await customer.told()
    late = [customer.about(InvoiceOverdue), customer.about(InvoiceIssued), await customer.missed("declined")]
    await telling.follow(page(*late))
    assert await customer.told() == before


async def test_the_ends_of_trials_and_periods_and_renewals_are_told(customer: Customer) -> None:
    row = customer.subscription
    known = {"subscription": row.id, "customer": row.customer_id, "days": 3}
    trial, last = (SubscriptionEnding(customer.seller, trial=trial, **known) for trial in (True, False))  # type: ignore[arg-type]
    await telling.follow(page(trial, last, customer.about(InvoicePaid)))
    until = f"{row.ends_at:%B} {row.ends_at.day}, {row.ends_at.year}"
    told = [
        ("subscription_ending", f"Your trial of Basic ends on {until}."),
        ("subscription_ending", f"Your subscription to Basic ends on {until}."),
    ]
    assert await customer.told() == told, "the first invoice renews nothing"
    where = Invoice.within(customer.seller, _id=customer.invoice.id)
    await changes.change(Invoice, where, {"$set": {"cause": "renewal"}})
    await telling.follow(page(customer.about(InvoicePaid)))
    assert (await customer.told())[2:] == [
        ("subscription_renewed", f"Your subscription to Basic was renewed until {until}.")
    ]


async def test_who_is_given_money_back_is_told(customer: Customer) -> None:
    assert customer.actor.user_id
    new = NewReceipt(
        key="1", provider=Provider.CASH, customer_kind=CustomerKind.PERSON, customer_id=customer.actor.user_id,
        amount=Money(500, "EUR"), reference="Order_1",
    )  # fmt: skip
    payment = await receipts.record(customer.seller, new)
    back = PaymentRefunded(
        customer.seller, payment=payment.id, reference="Order_1", refund=new_id(), amount=200, currency="EUR"
    )
    await telling.follow(page(back))
    assert await customer.told() == [("refund", "€2.00 was given back to you.")]


async def test_it_is_told_in_ones_own_language(customer: Customer) -> None:
    await changes.change(User, {"_id": customer.actor.user_id}, {"$set": {"locale": "fr"}})
    await telling.follow(page(await customer.missed("declined")))
    [(_, text)] = await customer.told()
    assert text == "10,50 € pour Basic n’a pas pu être encaissé."


async def test_those_who_manage_the_bills_of_an_organization_are_told_of_what_it_buys(customer: Customer) -> None:
    owner = await make_owner()
    assert owner.organization_id
    member = await make_member(owner.organization_id)
    platform = Actor.platform(PLATFORM_ID)
    plan = PlanDocument(
        id=new_id(), organization_id=PLATFORM_ID, key=f"p{new_id()}", name="Scale", created_at=now(), changed_at=now()
    )
    await changes.insert(plan)
    where = Invoice.within(customer.seller, _id=customer.invoice.id)
    bought = {"organization_id": PLATFORM_ID, "customer_kind": "organization", "customer_id": owner.organization_id}
    await changes.change(Invoice, where, {"$set": bought})
    where = Subscription.within(customer.seller, _id=customer.subscription.id)
    await changes.change(Subscription, where, {"$set": {**bought, "plan_id": plan.id}})
    customer.seller = platform
    await telling.follow(page(await customer.missed("declined")))
    assert await customer.told() == []
    customer.actor = owner
    assert await customer.told() == [("payment_failed", "€10.50 for Scale could not be collected.")]
    customer.actor = member
    assert await customer.told() == []


def test_nobody_is_told_by_a_second_e_mail_whatever_they_choose() -> None:
    assert {type.kind for type in MAILED} == {
        NotificationKind.PAYMENT_FAILED,
        NotificationKind.INVOICE,
        NotificationKind.INVOICE_OVERDUE,
        NotificationKind.SUBSCRIPTION_ENDING,
        NotificationKind.SUBSCRIPTION_RENEWED,
    }
    for type in MAILED:
        chosen = {(type.kind, Channel.EMAIL): Mode.IMMEDIATE}
        attention = Attention(own=chosen, organization=chosen, reachable=frozenset(Channel))
        outcomes = {one.channel: one.outcome for one in decide(type, attention, now())}
        assert outcomes[Channel.EMAIL] is Outcome.NEVER
        assert outcomes[Channel.PUSH] is Outcome.NOW
