"""PAY-5: what marketers get of orders, and why; of what is given back they have nothing."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId

from app.core import clock
from app.core.actor import Actor
from app.core.errors import Conflict, Invalid, NotFound
from app.core.money import Money
from app.models import Commission, CommissionPlan, CommissionReason
from app.services.ledger import commission_plans, commissions
from app.services.ledger.commission_plans import NewCommissionPlan
from app.services.ledger.commissions import CommissionAction, CommissionRejection, Referral, ReferralShare
from tests.services.ledger.school import School

PERCENT: dict[str, Any] = {"name": "Partners", "currency": "EUR", "basis": "percent", "rate": 1_000}


async def _plan(school: School, **given: Any) -> CommissionPlan:
    return await commission_plans.create(school.owner, NewCommissionPlan.model_validate({**PERCENT, **given}))


async def _refer(
    school: School,
    plan: CommissionPlan,
    amount: int,
    *people: Actor,
    customer: ObjectId | None = None,
    reference: str | None = None,
    weights: tuple[int, ...] = (),
) -> list[Commission]:
    weighed = zip(people, weights or (1,) * len(people), strict=True)
    given = Referral(
        reference=reference or f"Order_{ObjectId()}",
        plan_id=plan.id,
        customer_id=customer or ObjectId(),
        amount=amount,
        currency="EUR",
        shares=[ReferralShare(user_id=one.user_id, weight=weight) for one, weight in weighed],
    )
    return (await commissions.record(school.owner, given)).commissions


@pytest.mark.parametrize(
    ("given", "sold", "volume", "expected"),
    [
        ({}, 1_005, 0, (100, "earned")),
        ({"cap": 50}, 1_005, 0, (50, "capped")),
        ({"minimum": 300}, 1_005, 0, (300, "raised_to_minimum")),
        ({"minimum": 300}, 200, 0, (200, "capped")),
        ({"basis": "fixed", "rate": 0, "fixed": 70}, 1_005, 0, (70, "earned")),
        ({"basis": "fixed", "rate": 0, "fixed": 70}, 50, 0, (50, "capped")),
        ({"rate": 1}, 49, 0, (0, "earned")),
        ({"rate": 10_000}, 2**63 - 1, 0, (2**63 - 1, "earned")),
        ({"basis": "tiered", "rate": 0, "tiers": [(5_000, 2_000), (0, 500)]}, 100, 4_999, (5, "earned")),
        ({"basis": "tiered", "rate": 0, "tiers": [(5_000, 2_000), (0, 500)]}, 100, 5_000, (20, "earned")),
        ({"basis": "tiered", "rate": 0, "tiers": [(5_000, 2_000)]}, 100, 4_999, (0, "earned")),
    ],
)
async def test_what_an_order_is_worth(
    school: School, given: dict[str, Any], sold: int, volume: int, expected: tuple[int, str]
) -> None:
    tiers = [{"threshold": one, "rate": rate} for one, rate in given.get("tiers", ())]
    plan = await _plan(school, **{**given, **({"tiers": tiers} if tiers else {})})
    amount, reason = commission_plans.worth(plan, Money(sold, "EUR"), volume)
    assert (amount, reason.value) == expected


@pytest.mark.parametrize(
    "wrong",
    [
        {"rate": 0},
        {"basis": "fixed"},
        {"basis": "tiered"},
        {"tiers": [{"threshold": 0, "rate": 1}]},
        {"term": "recurring"},
        {"months": 3},
        {"cap": 1, "minimum": 2},
        {"rate": 10_001},
        {"minimum": -1},
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        NewCommissionPlan.model_validate({**PERCENT, **wrong})


async def test_those_who_brought_an_order_share_it_once(school: School) -> None:
    plan = await _plan(school)
    people, order = (school.owner, school.buyer, school.seller), f"Order_{ObjectId()}"
    made = await _refer(school, plan, 1_001, *people, reference=order, weights=(1, 1, 1))
    assert [one.amount for one in made] == [34, 33, 33]
    again = await _refer(school, plan, 1_001, *people, reference=order, weights=(1, 1, 1))
    assert [one.id for one in again] == [one.id for one in made]
    assert await school.has("revenue") == -100
    assert [await school.has("commissions:pending", one) for one in people] == [34, 33, 33]
    assert await school.faults() == []


async def test_every_refusal_has_its_reason(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    customer = ObjectId()
    first, recurring = await _plan(school), await _plan(school, term="recurring", months=2)
    own = await _refer(school, first, 1_000, school.seller, school.buyer, customer=school.seller.user_id)
    assert [(one.amount, one.reason.value, one.state.value) for one in own] == [
        (0, "self_referral", "rejected"),
        (50, "earned", "pending"),
    ]
    assert (await _refer(school, first, 1_000, school.seller, customer=customer))[0].amount == 100
    [second] = await _refer(school, first, 1_000, school.seller, customer=customer)
    assert (second.amount, second.reason) == (0, CommissionReason.NOT_FIRST_ORDER)
    [small] = await _refer(school, first, 1, school.seller)
    assert small.reason is CommissionReason.NOTHING_TO_SHARE
    await _refer(school, recurring, 1_000, school.seller, customer=customer)
    later = datetime.now(UTC) + timedelta(days=50)
    monkeypatch.setattr(clock, "source", later.timestamp)
    assert (await _refer(school, recurring, 1_000, school.seller, customer=customer))[0].amount == 100
    monkeypatch.setattr(clock, "source", (later + timedelta(days=20)).timestamp)
    [over] = await _refer(school, recurring, 1_000, school.seller, customer=customer)
    assert over.reason is CommissionReason.TERM_OVER
    await commission_plans.retire(school.owner, commission_plans.CommissionPlanAction(plan_id=first.id))
    [retired] = await _refer(school, first, 1_000, school.seller)
    assert retired.reason is CommissionReason.PLAN_RETIRED
    with pytest.raises(NotFound):
        await _refer(school, recurring, 1_000, Actor(school.owner.organization_id, ObjectId()))
    dollars = await _plan(school, currency="USD")
    with pytest.raises(Invalid):
        await _refer(school, dollars, 1_000, school.seller)
    assert await school.faults() == []


async def test_it_is_approved_waits_and_is_taken_back_in_any_state(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, orders = await _plan(school, hold_days=5), [f"Order_{n}_{ObjectId()}" for n in range(4)]
    made = [(await _refer(school, plan, 1_000, school.seller, reference=order))[0] for order in orders]
    actions = [CommissionAction(commission_id=one.id) for one in made]
    await commissions.reject(school.owner, CommissionRejection(commission_id=made[3].id, note="It was a test."))
    with pytest.raises(Conflict):
        await commissions.approve(school.owner, actions[3])
    for action in actions[1:3]:
        await commissions.approve(school.owner, action)
    monkeypatch.setattr(clock, "source", (datetime.now(UTC) + timedelta(days=5, seconds=1)).timestamp)
    await commissions.release(school.platform, made[0].id)
    await commissions.release(school.platform, made[2].id)
    await commissions.release(school.platform, made[2].id)
    assert await school.has("commissions:pending", school.seller) == 200
    assert await school.has("commissions", school.seller) == 100
    await school.fill("commissions", school.seller, -90)
    for order in orders:
        for refunded, key in ((333, "a"), (333, "a"), (9_999, "b")):
            await commissions.claw_back(school.owner, order, refunded, key)
    rows = [await Commission.require(school.platform, one.id) for one in made]
    assert [(one.state.value, one.amount, one.clawed_back) for one in rows] == [
        ("clawed_back", 0, 100),
        ("clawed_back", 0, 100),
        ("clawed_back", 0, 100),
        ("rejected", 100, 0),
    ]
    assert [await school.has(code, school.seller) for code in ("commissions:pending", "commissions")] == [0, 0]
    assert await school.has("commissions:owed", school.seller) == -90
    assert await school.has("revenue") == 0
    [fresh] = await _refer(school, plan, 2_000, school.seller)
    await commissions.approve(school.owner, CommissionAction(commission_id=fresh.id))
    monkeypatch.setattr(clock, "source", (datetime.now(UTC) + timedelta(days=15)).timestamp)
    await commissions.release_due(clock.now())
    assert await school.has("commissions:owed", school.seller) == 0
    assert await school.has("commissions", school.seller) == 110
    assert await school.faults() == []
