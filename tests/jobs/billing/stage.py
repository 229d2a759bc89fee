"""An organization that sells, by a Stripe of the tests: what happens there, and what has come of it here."""

import json
from collections import Counter

from bson import ObjectId

from app.core import clock, database
from app.core.money import Money
from app.models import (
    Dispute,
    Payment,
    PaymentMethod,
    PaymentState,
    PaymentWay,
    PayoutAccount,
    PayoutAccountState,
    Provider,
    Refund,
    Remittance,
)
from app.services.billing.paying import payment_methods, payout_accounts
from app.services.billing.paying.customers import Customer
from app.services.billing.paying.payment_methods import PaymentSetupBeginning
from tests.jobs.billing.shop import PATIENCE, Shop
from tests.stripe.server import Stripe
from tests.stripe.state import Thing
from tests.world import until

PRICE = Money(1_050, "EUR")
ENDS = (
    "PaymentSucceeded",
    "PaymentFailed",
    "PaymentRefunded",
    "PaymentDisputed",
    "DisputeClosed",
    "PayoutSettled",
    "PayoutFailed",
)


class Stage(Shop):
    provider, price, kind = Provider.STRIPE, PRICE, "type"
    vendor: Stripe

    @property
    def stripe(self) -> Stripe:
        return self.vendor

    async def save(self, customer: Customer, card: str = "pm_card_visa") -> PaymentMethod:
        """Let a customer save a card in their browser, and wait until it is known here."""
        begun = await payment_methods.begin_setup(self.buyer(customer), PaymentSetupBeginning())
        intent = self.stripe.customers.confirm_setup({"payment_method": card}, begun.ref)
        if intent["status"] == "requires_action":
            self.stripe.customers.complete_setup(begun.ref)
        ref = self.stripe.state.get("setup_intent", begun.ref)["payment_method"]
        await self.deliver(self.held("setup_intent.", "payment_method."))

        async def saved() -> PaymentMethod | None:
            return await PaymentMethod.lookup(self.seller, provider_ref=ref)

        found: PaymentMethod = await until(saved, PATIENCE)
        return found

    def pay(self, payment: Payment, card: str = "pm_card_visa") -> Thing:
        """Pay on the page of a payment."""
        assert payment.page_ref
        return self.stripe.pages.take(payment.page_ref, card)

    def prove(self, intent: Thing) -> None:
        """Let who pays on a page tell their bank who they are."""
        self.stripe.payments.complete(intent["id"])
        self.stripe.pages.complete(self.stripe.pages.of_intent(intent["id"])["id"])

    async def payout_account(self) -> PayoutAccount:
        """An account to which money can be sent."""
        holder = self.customer()
        opened = await payout_accounts.opened(holder)
        self.stripe.connect.submit(opened.provider_ref)
        await self.deliver(self.held("account."))

        async def enabled() -> PayoutAccount | None:
            found = await payout_accounts.of(holder)
            return found if found and found.state is PayoutAccountState.ENABLED else None

        found: PayoutAccount = await until(enabled, PATIENCE)
        return found

    async def check(self) -> None:
        """Everything here is as it is at Stripe, and each thing has happened once."""
        things, inside = self.stripe.state.things, self.seller
        money: Counter[str] = Counter()
        for payment in await Payment.select(inside):
            expected, given = self._mirror(payment)
            assert (payment.state, payment.refunded) == (expected, given), payment.reference
            if payment.state is PaymentState.SUCCEEDED:
                money[payment.currency] += payment.amount
        for refund in await Refund.select(inside):
            assert refund.provider_ref, refund.id
            assert refund.state.value == things[refund.provider_ref]["status"]
            money[refund.currency] -= refund.amount * (refund.state.value == "succeeded")
        for dispute in await Dispute.select(inside):
            status = things[dispute.provider_ref]["status"]
            assert dispute.due_at == clock.at(things[dispute.provider_ref]["evidence_details"]["due_by"])
            assert dispute.state.value == (status if status in ("won", "lost") else "open")
            money[dispute.currency] -= dispute.amount * (dispute.state.value == "lost")
        for method in await PaymentMethod.select(inside):
            assert (method.state.value == "active") is (things[method.provider_ref]["customer"] is not None)
        for account in await PayoutAccount.select(inside):
            assert (account.state.value == "enabled") is things[account.provider_ref]["payouts_enabled"]
        for sent in await Remittance.select(inside):
            assert sent.provider_ref
            names = {"paid": "succeeded", "failed": "failed", "pending": "processing"}
            assert sent.state.value == names[things[sent.provider_ref]["status"]]
            assert things[sent.transfer_ref or ""]["reversed"] is (sent.state.value == "failed")
        await self.check_book(money)
        await self._check_told()

    def _mirror(self, payment: Payment) -> tuple[PaymentState, int]:
        """How a payment is at Stripe, and how much of it was given back."""
        things = self.stripe.state.things
        intent = things.get(payment.provider_ref or "")
        given = 0
        if intent and intent["status"] == "succeeded":
            given = things[intent["latest_charge"]]["amount_refunded"]
            return PaymentState.SUCCEEDED, given
        if payment.way is PaymentWay.CHECKOUT:
            page = things.get(payment.page_ref or "")
            if page and page["status"] == "expired":
                return PaymentState.CANCELLED, 0
            waits = intent is not None and intent["status"] == "requires_action"
            return (PaymentState.REQUIRES_ACTION if waits else PaymentState.CREATED), 0
        if intent is None:
            return PaymentState.FAILED, 0  # it was never asked for
        return {"canceled": PaymentState.FAILED if intent["last_payment_error"] else PaymentState.CANCELLED}[
            intent["status"]
        ], 0

    async def _check_told(self) -> None:
        """Each end of a thing was told once."""
        where = {"o": self.seller.organization_id, "t": {"$in": [f"{name}.1" for name in ENDS]}}
        told = Counter[str]()
        async for row in database.collection("log").find(where):
            told[f"{row['t']} {json.dumps(row['d'], default=str, sort_keys=True)}"] += 1
        assert all(count == 1 for count in told.values()), told
        by_kind = Counter(key.partition(".")[0] for key in told)
        states = Counter(row.state for row in await Payment.select(self.seller))
        assert by_kind["PaymentSucceeded"] == states[PaymentState.SUCCEEDED]
        assert by_kind["PaymentFailed"] == states[PaymentState.FAILED]
        refunds = [row for row in await Refund.select(self.seller) if row.state.value == "succeeded"]
        assert by_kind["PaymentRefunded"] == len(refunds)
        disputes = await Dispute.select(self.seller)
        assert by_kind["PaymentDisputed"] == len(disputes)
        assert by_kind["DisputeClosed"] == sum(row.state.value != "open" for row in disputes)
        sent = Counter(row.state.value for row in await Remittance.select(self.seller))
        assert (by_kind["PayoutSettled"], by_kind["PayoutFailed"]) == (sent["succeeded"], sent["failed"])


def charges(stripe: Stripe, payment: ObjectId) -> list[Thing]:
    """What was charged at Stripe for a payment of ours."""
    made = stripe.state.all("charge", status="succeeded")
    return [one for one in made if one["metadata"].get("atrium_payment") == str(payment)]
