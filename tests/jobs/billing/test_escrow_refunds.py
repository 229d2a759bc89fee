"""What goes back from an escrow to the card by which it was paid: up to what was paid, once, or into the wallet."""

from dataclasses import dataclass

import pytest
from bson import ObjectId

from app.core.errors import AppError
from app.core.money import Money
from app.models import (
    Escrow,
    EscrowState,
    Notification,
    NotificationKind,
    Payment,
    PaymentState,
    Provider,
    Refund,
    RefundState,
)
from app.models.billing.payment_events import PaymentRefunded, RefundFailed
from app.services.billing.paying import providers, receipts, refunds
from app.services.billing.paying.payments import NewReceipt
from app.services.ledger import applying, escrows, top_ups
from app.services.ledger.escrows import EscrowAction, EscrowDispute, EscrowRefund, EscrowRelease, EscrowRuling
from app.services.ledger.top_ups import EscrowPayment, TopUp
from tests.integrations.vendor import Fault
from tests.jobs.billing.shop import URL
from tests.jobs.billing.stage import Stage
from tests.services.ledger.school import School
from tests.world import until

PRICE = 1_000
NOWHERE = "NO_PAYMENT_TO_REFUND"


@dataclass
class Deal:
    """An escrow that was paid for by a card, or is to be."""

    stage: Stage
    school: School
    id: ObjectId

    @classmethod
    async def made(cls, stage: Stage, card: str | None = "pm_card_visa") -> "Deal":
        school = await School.open()
        stage.seller = school.platform
        deal = cls(stage, school, await school.escrow(PRICE, funded=False))
        if card:
            pages = {"success_url": URL, "cancel_url": URL}
            await top_ups.pay_for_escrow(school.buyer, EscrowPayment(escrow_id=deal.id, **pages))
            stage.pay(await deal.payment(), card)
            await deal.told()
            row = await deal.row()
            assert (row.state, row.payment_id) == (EscrowState.FUNDED, (await deal.payment()).id)
        return deal

    async def told(self) -> None:
        for _ in range(2):
            await self.stage.deliver(self.stage.held())
            await self.stage.worker.settled()

    async def row(self) -> Escrow:
        return await Escrow.require(self.school.platform, self.id)

    async def payment(self) -> Payment:
        [row] = await Payment.select(self.school.platform)
        return row

    async def refund(self, *, to_payment_method: bool = True) -> Escrow:
        given = EscrowRefund(escrow_id=self.id, to_payment_method=to_payment_method)
        return (await escrows.refund(self.school.seller, given)).escrow

    async def given_back(self) -> list[tuple[int, RefundState]]:
        return [(row.amount, row.state) for row in await Refund.select(self.school.platform)]

    async def has(self) -> tuple[int, int, int]:
        """What the buyer has in the wallet, owes, and is on its way to them; nothing else is wrong with the book."""
        assert await self.school.faults() == []
        assert await self.school.has("clearing:payments") == 0
        codes = ("wallet", "wallet:owed", "refunds")
        wallet, owed, coming = [await self.school.has(code, self.school.buyer) for code in codes]
        return wallet, owed, coming

    async def said(self) -> list[str]:
        """What the buyer was told of it."""
        where = {"user_id": self.school.buyer.user_id, "kind": NotificationKind.REFUND_FAILED.value}
        return [row.text for row in await Notification.select(self.school.platform, where)]


def _charge(stage: Stage) -> int:
    """What Stripe has of the charge."""
    [charge] = stage.stripe.state.all("charge", paid=True)
    return int(charge["amount"] - charge["amount_refunded"])


async def test_it_goes_back_to_the_card_as_far_as_it_is_left(stage: Stage) -> None:
    deal = await Deal.made(stage)
    await escrows.release(deal.school.buyer, EscrowRelease(escrow_id=deal.id, amount=300))
    row = await deal.refund()
    assert (row.state, row.released, row.returned) == (EscrowState.REFUNDED, 300, 700)
    assert await deal.has() == (0, 0, 700), "on its way"
    await deal.told()
    assert await deal.has() == (0, 0, 0)
    assert await deal.given_back() == [(700, RefundState.SUCCEEDED)]
    assert (_charge(stage), (await deal.payment()).refunded) == (300, 700)
    [made] = await Refund.select(deal.school.platform)
    assert (await deal.row()).refund_id == made.id
    assert await deal.said() == []


async def test_it_is_in_the_wallet_where_nothing_is_said(stage: Stage) -> None:
    deal = await Deal.made(stage)
    assert (await deal.refund(to_payment_method=False)).refund_id is None
    await deal.told()
    assert (await deal.has(), _charge(stage)) == ((PRICE, 0, 0), PRICE)


async def test_what_came_from_a_wallet_goes_to_no_card(stage: Stage) -> None:
    deal = await Deal.made(stage, card=None)
    await deal.school.fill("wallet", deal.school.buyer, PRICE)
    await escrows.fund(deal.school.buyer, EscrowAction(escrow_id=deal.id))
    with pytest.raises(AppError) as refused:
        await deal.refund()
    assert (refused.value.code, (await deal.row()).state) == (NOWHERE, EscrowState.FUNDED)
    await deal.refund(to_payment_method=False)
    assert await deal.has() == (PRICE, 0, 0)


async def test_it_goes_nowhere_by_a_provider_that_is_not_set_up_any_more(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    deal = await Deal.made(stage)
    monkeypatch.setattr(providers, "configured", list)
    with pytest.raises(AppError) as refused:
        await deal.refund()
    assert refused.value.code == NOWHERE


async def test_what_came_in_cash_goes_to_no_card(stage: Stage) -> None:
    deal = await Deal.made(stage, card=None)
    assert deal.school.buyer.user_id
    new = NewReceipt(
        key="cash", provider=Provider.CASH, customer_kind=stage.customer().kind, customer_id=deal.school.buyer.user_id,
        amount=Money(PRICE, "EUR"), reference=f"Escrow_{deal.id}",
    )  # fmt: skip
    await receipts.record(deal.school.platform, new)
    await stage.worker.settled()
    assert (await deal.row()).state is EscrowState.FUNDED
    with pytest.raises(AppError) as refused:
        await deal.refund()
    assert refused.value.code == NOWHERE


@pytest.mark.parametrize("fault", ["timeout", "error", "drop", "down"])
async def test_an_answer_that_is_lost_gives_it_back_once(stage: Stage, fault: str) -> None:
    deal = await Deal.made(stage)
    stage.stripe.faults.append(Fault("POST", "/v1/refunds", fault))
    await deal.refund()
    await deal.told()
    assert await deal.given_back() == [(PRICE, RefundState.SUCCEEDED)]
    assert (await deal.has(), _charge(stage)) == ((0, 0, 0), 0)
    assert len(stage.stripe.state.all("refund")) == 1


async def test_what_the_provider_refuses_is_in_the_wallet_and_the_buyer_is_told(stage: Stage) -> None:
    """Stripe gives nothing back of what a bank has taken back."""
    deal = await Deal.made(stage, "pm_card_createDispute")
    await deal.refund()
    await deal.told()
    assert [state for _, state in await deal.given_back()] == [RefundState.FAILED]
    assert await deal.has() == (PRICE, 0, 0)
    assert await deal.said() == ["€10.00 could not go back to what you had paid by. You have it in your wallet."]
    assert (await deal.payment()).refunded == 0


@pytest.mark.parametrize("order", ["as it was", "the other way round"])
async def test_what_a_bank_sends_back_is_in_the_wallet(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, order: str
) -> None:
    deal = await Deal.made(stage, "pm_card_refundFail")
    refunded, failed, known = applying.refunded, applying.refund_failed, list[object]()

    async def at_last(event: PaymentRefunded) -> None:
        if not known:
            raise RuntimeError("somebody else is first")
        await refunded(event)

    async def first(event: RefundFailed) -> None:
        await failed(event)
        known.append(event)

    if order == "the other way round":
        monkeypatch.setattr(applying, "refunded", at_last)
        monkeypatch.setattr(applying, "refund_failed", first)
    await deal.refund()
    [made] = await _sent(stage, deal)
    stage.stripe.payments.settle_refund(made.provider_ref or "", failed=True)
    await deal.told()
    assert [state for _, state in await deal.given_back()] == [RefundState.FAILED]
    assert await deal.has() == (PRICE, 0, 0)
    assert len(await deal.said()) == 1


async def _sent(stage: Stage, deal: Deal) -> list[Refund]:
    """The refund, as soon as Stripe has said that it was made."""

    async def made() -> list[Refund]:
        return await Refund.select(deal.school.platform, {"state": RefundState.SUCCEEDED.value})

    found: list[Refund] = await until(made)
    return found


async def test_no_more_goes_back_than_is_left_of_the_payment(stage: Stage) -> None:
    """A part was given back before: that the buyer owes, so the rest pays it."""
    deal = await Deal.made(stage)
    await refunds.refund(deal.school.owner, (await deal.payment()).id, Money(200, "EUR"), "before")
    await deal.told()
    assert await deal.has() == (0, -200, 0)
    await deal.refund()
    await deal.told()
    assert await deal.has() == (0, 0, 0)
    assert sorted(amount for amount, _ in await deal.given_back()) == [200, 800]
    assert (_charge(stage), (await deal.payment()).refunded) == (0, PRICE)


async def test_there_is_nothing_to_give_back_of_what_has_gone(stage: Stage) -> None:
    deal = await Deal.made(stage)
    await refunds.refund(deal.school.owner, (await deal.payment()).id, None, "before")
    with pytest.raises(AppError) as refused:
        await deal.refund()
    assert refused.value.code == NOWHERE


@pytest.mark.parametrize(("to_seller", "back"), [(400, [600]), (PRICE, []), (0, [PRICE])])
async def test_who_rules_says_so_as_well(stage: Stage, to_seller: int, back: list[int]) -> None:
    deal = await Deal.made(stage)
    await escrows.dispute(deal.school.buyer, EscrowDispute(escrow_id=deal.id, about="It is late."))
    ruling = EscrowRuling(escrow_id=deal.id, seller_amount=to_seller, to_payment_method=True)
    await escrows.rule(deal.school.owner, ruling)
    await deal.told()
    assert [amount for amount, _ in await deal.given_back()] == back
    assert (await deal.has(), _charge(stage)) == ((0, 0, 0), to_seller)
    assert await deal.school.has("earnings", deal.school.seller) == to_seller


async def test_what_was_paid_into_a_wallet_is_there_again_when_a_bank_sends_it_back(stage: Stage) -> None:
    deal = await Deal.made(stage, card=None)
    page = TopUp(amount=PRICE, currency="EUR", success_url=URL, cancel_url=URL)
    await top_ups.top_up(deal.school.buyer, page)
    stage.pay(await deal.payment(), "pm_card_refundFail")
    await deal.told()
    assert (await deal.payment()).state is PaymentState.SUCCEEDED
    await refunds.refund(deal.school.owner, (await deal.payment()).id, Money(300, "EUR"), "some")
    [made] = await _sent(stage, deal)
    await deal.told()
    assert await deal.has() == (PRICE - 300, 0, 0)
    stage.stripe.payments.settle_refund(made.provider_ref or "", failed=True)
    await deal.told()
    assert await deal.has() == (PRICE, 0, 0)
    assert await deal.said() == ["€3.00 could not go back to what you had paid by. You have it in your wallet."]
