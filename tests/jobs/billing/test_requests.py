"""What somebody was asked for and has paid is revenue at once, and no more when it has gone again."""

import pytest

from app.core import ledger
from app.core.actor import Actor
from app.core.money import Amount, Money
from app.models import Dispute, LedgerTransfer, Payment, PaymentState, Provider, Refund, RefundState
from app.services.billing.paying import checkouts, payments, receipts, refunds
from app.services.billing.paying.checkouts import CheckoutBeginning
from app.services.billing.paying.payments import PaymentRequest
from app.services.billing.paying.receipts import PaymentReceipt
from app.services.ledger import flows, verification
from tests.factories.organizations import make_member, make_owner
from tests.jobs.billing.shop import URL
from tests.jobs.billing.stage import Stage
from tests.world import until

PRICE = 1_050


class Request:
    """A payment that a member was asked for, and its page at Stripe."""

    def __init__(self, stage: Stage, owner: Actor, buyer: Actor, payment: Payment) -> None:
        self.stage, self.owner, self.buyer, self.payment = stage, owner, buyer, payment

    @classmethod
    async def made(cls, stage: Stage) -> "Request":
        owner = await make_owner()
        assert owner.organization_id
        stage.seller = Actor.platform(owner.organization_id)
        buyer = await make_member(owner.organization_id)
        assert buyer.user_id
        price = Amount(amount=PRICE, currency="EUR")
        asked = PaymentRequest(user_id=buyer.user_id, amount=price, description="Algebra, spring")
        payment = await payments.request(owner, asked)
        begin = CheckoutBeginning(payment_id=payment.id, success_url=URL, cancel_url=URL)
        return cls(stage, owner, buyer, (await checkouts.begin(buyer, begin)).payment)

    async def pay(self, card: str = "pm_card_visa") -> None:
        self.stage.pay(self.payment, card)
        await self.told()
        assert (await self.stage.row(self.payment)).state is PaymentState.SUCCEEDED

    async def told(self) -> None:
        await self.stage.deliver(self.stage.held())
        await self.stage.worker.settled()

    async def revenue(self) -> int:
        """What the organization has by it, once nothing else is wrong with its book."""
        verdict = await verification.verify(_silent, self.stage.seller.organization_id)
        assert verdict.wrong == []
        await self.stage.check_book({"EUR": 0})
        return (await ledger.open_account(self.stage.seller, "revenue", "EUR")).posted


async def _silent(name: str, done: int, total: int) -> None:
    """Nobody waits for it."""


async def test_it_is_revenue_in_the_step_in_which_it_has_succeeded(stage: Stage) -> None:
    request = await Request.made(stage)
    stage.pay(request.payment)
    await stage.worker.stop()
    await checkouts.look(stage.seller, await stage.row(request.payment))
    assert (await stage.row(request.payment)).state is PaymentState.SUCCEEDED
    assert await request.revenue() == PRICE
    stage.worker.start()
    for _ in range(2):
        await request.told()
    assert await request.revenue() == PRICE
    keys = {row.key for row in await LedgerTransfer.select(stage.seller)}
    assert keys == {f"payment:{request.payment.id}", f"applied:{request.payment.id}"}
    [held] = [one for one in await flows.held(stage.seller) if one.code == "clearing:payments"]
    assert held.amount.amount == 0


async def test_what_is_given_back_is_no_revenue(stage: Stage) -> None:
    request = await Request.made(stage)
    await request.pay()
    for key, part in (("first", 50), ("second", 1_000)):
        await refunds.refund(request.owner, request.payment.id, Money(part, "EUR"), key)
    assert await request.revenue() == PRICE, "it is on its way"
    await request.told()
    assert await request.revenue() == 0
    assert [row.state for row in await Refund.select(stage.seller)] == [RefundState.SUCCEEDED] * 2


async def test_what_a_bank_would_not_have_back_is_revenue_again(stage: Stage) -> None:
    request = await Request.made(stage)
    await request.pay("pm_card_refundFail")
    made = await refunds.refund(request.owner, request.payment.id, Money(200, "EUR"), "one")
    await stage.worker.settled()
    assert await request.revenue() == PRICE - 200
    row = await Refund.require(stage.seller, made.id)
    stage.stripe.payments.settle_refund(row.provider_ref or "", failed=True)
    await request.told()
    assert (await Refund.require(stage.seller, made.id)).state is RefundState.FAILED
    assert await request.revenue() == PRICE


@pytest.mark.parametrize(("won", "left"), [(True, PRICE), (False, 0)])
async def test_what_is_lost_in_a_dispute_is_no_revenue(stage: Stage, won: bool, left: int) -> None:
    request = await Request.made(stage)
    await request.pay("pm_card_createDispute")
    assert await request.revenue() == PRICE, "it is not decided"
    [dispute] = stage.stripe.state.all("dispute")
    stage.stripe.payments.decide(dispute["id"], won=won)

    async def decided() -> bool:
        await request.told()
        return all(row.state.value != "open" for row in await Dispute.select(stage.seller))

    await until(decided)
    assert await request.revenue() == left


async def test_what_is_paid_in_cash_for_a_request_is_revenue_as_well(stage: Stage) -> None:
    request = await Request.made(stage)
    assert request.buyer.user_id
    price = Amount(amount=PRICE, currency="EUR")
    paid = PaymentReceipt(
        key="cash", provider=Provider.CASH, user_id=request.buyer.user_id, amount=price,
        reference=request.payment.reference,
    )  # fmt: skip
    noted = await receipts.note(request.owner, paid)
    assert await request.revenue() == PRICE
    await refunds.refund(request.owner, noted.id, None, "cash")
    assert await request.revenue() == 0
