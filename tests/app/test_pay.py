"""PAY-3, PAY-5: who sells and who brings orders sees what they get of it, when and why; others see nothing of it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from app.core.database import Document
from tests.app.purses import Purses
from tests.world import Person, until

Store = AsyncDatabase[dict[str, Any]]
PLAN = {"name": "Partners", "currency": "EUR", "basis": "PERCENT", "rate": 1_000, "cap": "50", "holdDays": 0}


@pytest.fixture
async def purses(company: list[Person], store: Store, database: AsyncDatabase[Document]) -> AsyncIterator[Purses]:
    """Afterwards the book adds up."""
    purses = Purses(store.name)
    yield purses
    assert await purses.faults(company[0]) == []


async def test_a_marketer_sees_what_was_decided_and_gives_back_what_the_customer_got_back(
    company: list[Person], purses: Purses
) -> None:
    owner, ada, grace = company
    plan = (await owner.call("createCommissionPlan", input=PLAN))["id"]
    order = {"reference": "Order_1", "amount": "1000", "currency": "EUR"}
    brought = {**order, "planId": plan, "customerId": grace.id}
    shares = [{"userId": ada.id, "weight": 2}, {"userId": grace.id}]
    made = (await owner.call("recordReferral", depth=3, input={**brought, "shares": shares}))["commissions"]
    assert [(one["amount"]["amount"], one["reason"], one["state"]) for one in made] == [
        ("33", "CAPPED", "PENDING"),
        ("0", "SELF_REFERRAL", "REJECTED"),
    ]
    action = {"commissionId": made[0]["id"]}
    assert await ada.refused("approveCommission", input=action) == "FORBIDDEN"
    assert (await owner.call("approveCommission", input=action))["state"] == "APPROVED"
    assert (await owner.call("approveCommission", input=action))["code"] == "ILLEGAL_TRANSITION"
    staff = owner.world.staff
    assert staff
    await staff.call("runSchedule", input={"name": "release_earnings"})

    async def available() -> bool:
        return await purses.has(ada, "commissions") == 33

    await until(available)

    async def told() -> bool:
        texts = [one["text"] for one in (await ada.call("notifications"))["nodes"]]
        return {"Your commission of €0.33 is approved.", "Your commission of €0.33 can be paid out."} <= {*texts}

    await until(told)
    sale = {**order, "fee": "100", "sellerId": owner.id}
    assert (await owner.call("recordSale", input=sale))["amount"]["formatted"] == "€10.00"
    refund = {**order, "amount": "500", "key": "first"}
    for _ in range(2):
        assert (await owner.call("recordOrderRefund", input=refund))["amount"]["amount"] == "500"
    [mine] = (await ada.call("commissions"))["nodes"]
    assert (mine["amount"]["amount"], mine["clawedBack"]["amount"], mine["reason"]) == ("17", "16", "REFUNDED")
    assert await purses.has(ada, "commissions") == 17
    assert len((await owner.call("commissions"))["nodes"]) == 2


async def test_a_seller_sees_what_comes_when(company: list[Person], purses: Purses) -> None:
    owner, ada, grace = company
    await owner.call("updatePayRules", input={"earningsHoldDays": 3})
    sale = {"reference": "Order_1", "amount": "1000", "currency": "EUR", "fee": "150", "sellerId": ada.id}
    await owner.call("recordSale", input=sale)
    [day] = await ada.call("earningsForecast", currency="EUR")
    assert (day["amount"]["amount"], day["expected"]["amount"], day["day"][-2:]) == ("850", "850", "04")
    assert await grace.call("earningsForecast", currency="EUR") == []
    for change, code in (
        ({"fee": "1001"}, "INVALID"),
        ({"amount": "0"}, "INVALID"),
        ({"currency": "EURO"}, "INVALID"),
        ({"amount": "999"}, "SALE_RECORDED"),
        ({"sellerId": f"User_{'0' * 24}"}, "NOT_FOUND"),
    ):
        assert (await owner.call("recordSale", input=sale | change))["code"] == code, change
    refund = {"reference": "Order_1", "amount": "1001", "currency": "EUR", "key": "a"}
    assert (await owner.call("recordOrderRefund", input=refund))["code"] == "MORE_THAN_SOLD"
    other = {"amount": "1", "currency": "USD"}
    assert (await owner.call("recordOrderRefund", input=refund | other))["code"] == "CURRENCY_MISMATCH"
    assert (await owner.call("recordOrderRefund", input=refund | {"reference": "No"}))["code"] == "NOT_FOUND"
    for name, given in (("recordSale", sale), ("recordOrderRefund", refund), ("createCommissionPlan", PLAN)):
        assert await ada.refused(name, input=given) == "FORBIDDEN"
