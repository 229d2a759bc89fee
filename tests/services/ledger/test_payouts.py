"""PAY-6: what is on its way out is out of reach, arrives once or is given back once; it can come by itself."""

import asyncio
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta

import pytest

from app.core import changes, clock
from app.core.clock import new_id, now
from app.core.errors import AppError, Conflict, Forbidden
from app.core.ledger import TooLittle
from app.core.money import Amount
from app.models import (
    CustomerKind,
    Payout,
    PayoutAccount,
    PayoutAccountDocument,
    PayoutAccountState,
    PayoutSchedule,
    PayoutState,
    Provider,
    Purse,
    Remittance,
)
from app.models.billing.payment_events import PayoutFailed, PayoutSettled
from app.services.ledger import pay_rules, payouts
from app.services.ledger.payouts import BelowMinimum, NoDestination, PayoutAction, PayoutChoice, PayoutRequest
from tests.services.ledger.school import School

HAS = 1_000


@pytest.fixture
async def paid(school: School) -> School:
    """The seller has earned ten euros, and can be sent money."""
    await school.fill("earnings", school.seller, HAS)
    assert school.platform.organization_id
    assert school.seller.user_id
    made = PayoutAccountDocument(
        organization_id=school.platform.organization_id,
        holder_kind=CustomerKind.PERSON,
        holder_id=school.seller.user_id,
        provider=Provider.STRIPE,
        provider_ref=f"acct_{new_id()}",
        state=PayoutAccountState.ENABLED,
        observed_at=now(),
        created_at=now(),
        changed_at=now(),
    )
    await changes.insert(made)
    return school


async def _ask(school: School, amount: int = 600) -> Payout:
    given = PayoutRequest.model_validate({"purse": "earnings", "amount": amount, "currency": "EUR"})
    return await payouts.request(school.seller, given)


async def _figures(school: School) -> tuple[int, int, int]:
    """What the seller has, what is on its way, and what the provider has paid out."""
    seller = school.seller
    return (
        await school.has("earnings", seller),
        await school.has("payouts", seller),
        await school.has("processor:stripe"),
    )


def _settled(school: School, row: Payout) -> PayoutSettled:
    return PayoutSettled(school.platform, payout_ref="po_1", reference=f"Payout_{row.id}")


def _failed(school: School, row: Payout) -> PayoutFailed:
    return PayoutFailed(school.platform, reference=f"Payout_{row.id}", code="account_closed")


async def test_it_is_held_while_it_is_on_its_way_and_arrives_once(paid: School) -> None:
    row = await _ask(paid)
    assert await _figures(paid) == (400, 600, 0)
    await asyncio.gather(*(payouts.dispatch(paid.platform, row.id) for _ in range(4)))
    assert await Remittance.tally(paid.platform, {"reference": f"Payout_{row.id}"}, cap=9) == 1
    with pytest.raises(Conflict):
        await payouts.cancel(paid.seller, PayoutAction(payout_id=row.id))
    assert await _figures(paid) == (400, 600, 0)
    await asyncio.gather(*(payouts.settled(_settled(paid, row)) for _ in range(4)))
    assert await _figures(paid) == (400, 0, 600)
    assert (await Payout.require(paid.platform, row.id)).state is PayoutState.PAID
    await payouts.failed(_failed(paid, row))
    await payouts.failed(_failed(paid, row))
    assert (await Payout.require(paid.platform, row.id)).state is PayoutState.RETURNED
    assert await _figures(paid) == (HAS, 0, 0)
    assert await paid.faults() == []


async def test_what_fails_is_given_back_once_whatever_comes_at_once(paid: School) -> None:
    row = await _ask(paid)
    await payouts.dispatch(paid.platform, row.id)
    contenders: list[Awaitable[None]] = [payouts.failed(_failed(paid, row)) for _ in range(5)]
    await asyncio.gather(*contenders)
    assert (await Payout.require(paid.platform, row.id)).failure == "account_closed"
    await payouts.settled(_settled(paid, row))
    assert (await Payout.require(paid.platform, row.id)).state is PayoutState.FAILED
    assert await _figures(paid) == (HAS, 0, 0)
    assert await paid.faults() == []


async def test_a_cancellation_and_the_sending_race_for_it(paid: School) -> None:
    for _ in range(5):
        row = await _ask(paid, 100)
        cancelling = payouts.cancel(paid.seller, PayoutAction(payout_id=row.id))
        cancelled, _ = await asyncio.gather(cancelling, payouts.dispatch(paid.platform, row.id), return_exceptions=True)
        state = (await Payout.require(paid.platform, row.id)).state
        assert state is (PayoutState.IN_TRANSIT if isinstance(cancelled, AppError) else PayoutState.CANCELLED)
        await payouts.failed(_failed(paid, row))
    assert await _figures(paid) == (HAS, 0, 0)
    assert await paid.faults() == []


async def test_who_can_be_sent_nothing_any_more_has_it_back(paid: School) -> None:
    row = await _ask(paid)
    restricted = {"$set": {"state": PayoutAccountState.RESTRICTED.value}}
    await changes.change(PayoutAccount, PayoutAccount.within(paid.platform, _id=row.account_id), restricted)
    await payouts.dispatch(paid.platform, row.id)
    assert (await Payout.require(paid.platform, row.id)).state is PayoutState.FAILED
    assert await _figures(paid) == (HAS, 0, 0)
    with pytest.raises(NoDestination):
        await _ask(paid)


async def test_no_more_and_no_less_than_may_be_is_paid(paid: School) -> None:
    minimum = [Amount.model_validate({"amount": 50, "currency": "EUR"})]
    await pay_rules.update(paid.owner, pay_rules.PayRulesUpdate(payout_minimums=minimum))
    with pytest.raises(BelowMinimum):
        await _ask(paid, 49)
    with pytest.raises(TooLittle):
        await _ask(paid, HAS + 1)
    with pytest.raises(NoDestination):
        given = {"purse": "wallet", "amount": 100, "currency": "EUR"}
        await payouts.request(paid.buyer, PayoutRequest.model_validate(given))
    row = await _ask(paid, 50)
    with pytest.raises(Forbidden):
        await payouts.cancel(paid.owner, PayoutAction(payout_id=row.id))
    assert await _figures(paid) == (HAS - 50, 50, 0)


async def test_it_comes_on_mondays_if_one_likes(paid: School, monkeypatch: pytest.MonkeyPatch) -> None:
    wednesday = datetime(2027, 6, 2, 12, tzinfo=UTC)
    monkeypatch.setattr(clock, "source", wednesday.timestamp)
    choice = PayoutChoice(schedule=PayoutSchedule.WEEKLY, purses=[Purse.EARNINGS, Purse.COMMISSIONS])
    plan = await payouts.choose(paid.seller, choice)
    assert plan.due_at == datetime(2027, 6, 7, 6, tzinfo=UTC)
    monday = plan.due_at + timedelta(minutes=5)
    assert await payouts.run(paid.platform, plan.id, wednesday) == []
    both = await asyncio.gather(*(payouts.run(paid.platform, plan.id, monday) for _ in range(3)))
    [row] = [one for made in both for one in made]
    assert (row.amount, row.purse, row.batch) == (HAS, Purse.EARNINGS, "2027-06-07")
    again = await payouts.choose(paid.seller, PayoutChoice(schedule=PayoutSchedule.MONTHLY, purses=[Purse.EARNINGS]))
    assert again.due_at == datetime(2027, 7, 1, 6, tzinfo=UTC)
    await payouts.choose(paid.seller, PayoutChoice(schedule=PayoutSchedule.MANUAL, purses=[]))
    assert await payouts.run(paid.platform, plan.id, monday + timedelta(days=99)) == []
    assert await _figures(paid) == (0, HAS, 0)
