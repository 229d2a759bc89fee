"""The calls of a scene that are about plans, subscriptions and invoices, and what they find."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bson import ObjectId

from app.core.clock import now
from app.models import (
    PLATFORM_ID,
    CreditNoteDocument,
    CustomerKind,
    InvoiceCause,
    InvoiceDocument,
    InvoiceItem,
    InvoiceLine,
    InvoiceState,
    InvoiceTax,
    LineKind,
    SubscriptionDocument,
    SubscriptionState,
)
from tests.app.accounts import given as _input
from tests.app.accounts import page
from tests.world import Person

Arguments = dict[str, Any]


@dataclass(frozen=True)
class Billing:
    """What there is to subscribe to, and of subscriptions of the owner and of others."""

    plan: str
    other_plan: str
    platform_plans: list[str]
    """Of the platform, which everybody sees."""
    price: str
    other_price: str
    """Of the other plan."""
    next_price: str
    """Of one more."""
    subscription: str
    """Of the owner, active, a year long; it is to end with its period."""
    paused: str
    ended: str
    """In grace, its period over."""
    invoice: str
    """Issued, and owed."""
    open_invoice: str
    """In grace."""
    note: str
    credit: str


def price_of(plan: str) -> Arguments:
    return {"planId": plan, "currency": "EUR", "interval": "YEAR", "rate": {"model": "PER_UNIT", "amount": "1000"}}


CALLS: Mapping[str, Callable[[Any], Arguments]] = {
    "plans": page,
    "platformPlans": page,
    "createPlan": _input(
        key=lambda _: f"p{secrets.token_hex(6)}",
        name=lambda _: "New",
        description=lambda _: "New",
        trialDays=lambda _: 7,
        paymentDays=lambda _: 7,
        graceDays=lambda _: 7,
        proration=lambda _: "DAYS",
        allowances=lambda s: [
            {"feature": "things", "meterId": s.meter, "amount": "5", "bySeat": True, "overage": False}
        ],
    ),
    "createPlatformPlan": _input(
        key=lambda _: f"p{secrets.token_hex(6)}", name=lambda _: "New", tier=lambda _: "SCALE"
    ),
    "updatePlan": _input(planId=lambda s: s.billing.plan, name=lambda _: "New"),
    "archivePlan": _input(planId=lambda s: s.billing.plan),
    "setPlanPrice": lambda s: {
        "input": price_of(s.billing.plan)
        | {
            "intervalCount": 1,
            "components": [
                {
                    "meterId": s.meter,
                    "name": "New",
                    "included": "10",
                    "rate": {"model": "GRADUATED", "tiers": [{"upTo": "5", "unitAmount": "3"}, {"unitAmount": "2"}]},
                }
            ],
        }
    },
    "setPlatformPlanPrice": lambda s: {"input": price_of(s.billing.platform_plans[0])},
    "subscriptions": lambda _: {"first": 3, "state": "ACTIVE"},
    "platformSubscriptions": lambda _: {"first": 3, "state": "ACTIVE"},
    "mySubscriptions": page,
    "upcomingInvoice": lambda s: {"subscriptionId": s.billing.subscription},
    "subscribe": _input(
        priceId=lambda s: s.billing.other_price,
        seats=lambda _: 2,
        renews=lambda _: True,
        collection=lambda _: "MANUAL",
    ),
    "changeSubscription": _input(
        subscriptionId=lambda s: s.billing.subscription,
        priceId=lambda s: s.billing.next_price,
        seats=lambda _: 3,
        when=lambda _: "NOW",
    ),
    "pauseSubscription": _input(
        subscriptionId=lambda s: s.billing.subscription,
        resumesAt=lambda _: f"{now() + timedelta(days=30):%Y-%m-%dT%H:%M:%SZ}",
    ),
    "resumeSubscription": _input(subscriptionId=lambda s: s.billing.paused),
    "renewSubscription": _input(subscriptionId=lambda s: s.billing.ended),
    "cancelSubscription": _input(subscriptionId=lambda s: s.billing.subscription, when=lambda _: "PERIOD_END"),
    "keepSubscription": _input(subscriptionId=lambda s: s.billing.subscription),
    "upcomingInvoiceChanged": lambda s: {"subscriptionId": s.billing.subscription},
    "subscriptionEvents": lambda s: {"id": s.billing.subscription},
    "invoices": lambda _: {"first": 3, "state": "ISSUED"},
    "platformInvoices": lambda _: {"first": 3, "state": "ISSUED"},
    "myInvoices": page,
    "credits": page,
    "issueInvoice": _input(invoiceId=lambda s: s.billing.open_invoice),
    "voidInvoice": _input(invoiceId=lambda s: s.billing.open_invoice),
    "createCreditNote": _input(
        invoiceId=lambda s: s.billing.invoice, amount=lambda _: "1", reason=lambda _: "A mistake."
    ),
    "payInvoice": _input(
        invoiceId=lambda s: s.billing.invoice,
        successUrl=lambda s: f"{s.owner.world.url}/paid",
        cancelUrl=lambda s: f"{s.owner.world.url}/invoices",
        saveMethod=lambda _: False,
        provider=lambda _: "STRIPE",
    ),
    "recordInvoicePayment": _input(
        invoiceId=lambda s: s.billing.invoice,
        key=lambda _: secrets.token_hex(8),
        provider=lambda _: "CASH",
        amount=lambda _: "1",
        externalReference=lambda _: "New",
    ),
    "grantCredit": _input(
        userId=lambda s: s.second_owner,
        amount=lambda _: {"amount": "100", "currency": "EUR"},
        note=lambda _: "New",
        expiresAt=lambda _: "2998-01-01T00:00:00Z",
    ),
}


async def stored(person: Person, text: str, second: str) -> Billing:
    """What the calls find. Subscriptions are put there as they are after some time."""
    assert person.world.store is not None
    staff = person.world.staff
    assert staff
    keys = ("one", "two", "three", "four")
    plans = [await person.call("createPlan", input={"key": key, "name": text}) for key in keys]
    prices = [await person.call("setPlanPrice", input=price_of(plan["id"])) for plan in plans]
    platform = {"key": f"p{secrets.token_hex(6)}", "name": "Platform", "tier": "SCALE"}
    platform_plan = await staff.call("createPlatformPlan", input=platform)
    present = {"userId": second, "amount": {"amount": "5", "currency": "JPY"}, "note": text}
    credit = await person.call("grantCredit", input=present)
    organization, customer, first, price = (
        ObjectId(id.partition("_")[2]) for id in (person.organization, person.id, plans[0]["id"], prices[0]["id"])
    )
    moment, year = now(), timedelta(days=365)

    def subscription(state: SubscriptionState, whose: ObjectId, **more: Any) -> SubscriptionDocument:
        known = {"plan_id": first, "price_id": price, "starts_at": moment, "ends_at": moment + year} | more
        row: Arguments = {
            "organization_id": organization,
            "customer_kind": CustomerKind.PERSON,
            "customer_id": whose,
            "time_zone": "UTC",
            "anchor_at": known["starts_at"],
            "period": 0,
            "metered_from": known["starts_at"],
            "state": state,
            "created_at": moment,
            "changed_at": moment,
        }
        made: SubscriptionDocument = SubscriptionDocument.model_construct(**row | known)
        return made

    third = {"plan_id": ObjectId(plans[2]["id"].partition("_")[2]), "price_id": ObjectId(prices[2]["id"][6:])}
    past = {"starts_at": moment - year, "ends_at": moment - timedelta(days=1), "renews": False}
    rows = [
        subscription(SubscriptionState.ACTIVE, customer, cancels=True),
        subscription(SubscriptionState.PAUSED, customer, paused_at=moment, **third),
        subscription(SubscriptionState.GRACE, ObjectId(second.partition("_")[2]), **third, **past),
    ]
    item = InvoiceItem(LineKind.FEE, text, price, 1, moment, moment + year, moment)
    line = InvoiceLine(LineKind.FEE, text, 1, 1_000, moment, moment + year)

    def invoice(state: InvoiceState, **more: Any) -> InvoiceDocument:
        row: Arguments = {
            "organization_id": organization,
            "customer_kind": CustomerKind.PERSON,
            "customer_id": customer,
            "subscription_id": rows[0].id,
            "currency": "EUR",
            "cause": InvoiceCause.RENEWAL,
            "state": state,
            "items": [item],
            "lines": [line],
            "tax": InvoiceTax(),
            "subtotal": 1_000,
            "net": 1_000,
            "total": 1_000,
            "due": 1_000,
            "time_zone": "UTC",
            "proration": "seconds",
            "automatic": False,
            "payment_days": 14,
            "created_at": moment,
            "changed_at": moment,
        }
        made: InvoiceDocument = InvoiceDocument.model_construct(**row | more)
        return made

    owed = invoice(InvoiceState.ISSUED, number="INV-1", issued_at=moment, due_at=moment + year, credited=1, relieved=1)
    waiting = invoice(InvoiceState.GRACE, closes_at=moment + year)
    note = CreditNoteDocument.model_construct(
        organization_id=organization,
        invoice_id=owed.id,
        number="CN-1",
        currency="EUR",
        amount=1,
        net=1,
        tax_amount=0,
        reason=text,
        digest=b"",
        created_at=moment,
    )
    sold: Arguments = {"organization_id": PLATFORM_ID, "customer_kind": CustomerKind.ORGANIZATION}
    sold |= {"customer_id": organization}
    plan = ObjectId(platform_plan["id"].partition("_")[2])
    of_platform = subscription(SubscriptionState.ACTIVE, organization, plan_id=plan, **sold)
    number = f"INV-{secrets.token_hex(8)}"
    billed = invoice(InvoiceState.ISSUED, number=number, subscription_id=of_platform.id, **sold)
    store = person.world.store
    await store["subscriptions"].insert_many([row.encode() for row in (*rows, of_platform)])
    await store["invoices"].insert_many([owed.encode(), waiting.encode(), billed.encode()])
    await store["credit_notes"].insert_one(note.encode())
    return Billing(
        plan=plans[0]["id"],
        other_plan=plans[1]["id"],
        platform_plans=[platform_plan["id"]],
        price=prices[0]["id"],
        other_price=prices[1]["id"],
        next_price=prices[3]["id"],
        subscription=f"PlanSubscription_{rows[0].id}",
        paused=f"PlanSubscription_{rows[1].id}",
        ended=f"PlanSubscription_{rows[2].id}",
        invoice=f"Invoice_{owed.id}",
        open_invoice=f"Invoice_{waiting.id}",
        note=f"CreditNote_{note.id}",
        credit=credit["id"],
    )
