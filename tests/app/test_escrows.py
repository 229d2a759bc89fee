"""PAY-2: a buyer's money waits until the work is done; state and money move together, and never more than there is."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from app.core.database import Document
from tests import documents
from tests.app.purses import Purses
from tests.world import Person, until

Store = AsyncDatabase[dict[str, Any]]
PARTS = [{"title": "Script", "amount": "333"}, {"title": "Film", "amount": "668"}]


@pytest.fixture
async def purses(company: list[Person], store: Store, database: AsyncDatabase[Document]) -> AsyncIterator[Purses]:
    """Ada has ten euros and a cent; afterwards the book adds up."""
    purses = Purses(store.name)
    await purses.fill(company[1], 1_001)
    yield purses
    assert await purses.faults(company[0]) == []


async def _opened(buyer: Person, seller: Person, **more: Any) -> str:
    given = {"sellerId": seller.id, "title": "A film", "currency": "EUR", "milestones": PARTS, **more}
    return str((await buyer.call("openEscrow", input=given))["escrow"]["id"])


async def _does(person: Person, name: str, escrow: str, **more: Any) -> str:
    """The state that the escrow comes to, or the code of the refusal."""
    answer = await person.call(name, input={"escrowId": escrow, **more})
    return str(answer["code"] if "code" in answer else answer["escrow"]["state"])


async def test_milestones_are_paid_in_order_and_the_fee_is_that_of_the_whole(
    company: list[Person], purses: Purses
) -> None:
    owner, buyer, seller = company
    await owner.call("updatePayRules", input={"escrowFeeRate": 1_000, "reviewDays": 5})
    escrow = await _opened(buyer, seller, reference="Order_1")
    await owner.call("updatePayRules", input={"escrowFeeRate": 5_000})
    assert await _does(buyer, "fundEscrow", escrow) == "FUNDED"
    assert await _does(seller, "submitEscrow", escrow) == "SUBMITTED"
    assert await _does(buyer, "releaseEscrow", escrow, milestone=1) == "IN_PROGRESS"
    assert await purses.has(seller, "earnings") == 300
    assert await _does(buyer, "releaseEscrow", escrow, milestone=1) == "MORE_THAN_FUNDED"
    assert await _does(buyer, "releaseEscrow", escrow) == "RELEASED"
    assert await _does(buyer, "releaseEscrow", escrow) == "ILLEGAL_TRANSITION"
    assert await purses.has(seller, "earnings") == 901
    assert await purses.balance(owner, code="fees") == 100
    [seen] = (await seller.call("escrows"))["nodes"]
    assert (seen["released"]["formatted"], seen["fee"]["amount"], seen["feeRate"]) == ("€10.01", "100", 1_000)
    assert (seen["reviewDays"], seen["reference"], seen["availableTransitions"]) == (5, "Order_1", [])


async def test_a_dry_run_lists_what_every_account_would_gain_or_lose(company: list[Person], purses: Purses) -> None:
    owner, buyer, seller = company
    await owner.call("updatePayRules", input={"escrowFeeRate": 1_000})
    escrow = await _opened(buyer, seller)
    assert await _does(buyer, "fundEscrow", escrow) == "FUNDED"
    text, variables = documents.operation(
        "releaseEscrow", {"input": {"escrowId": escrow, "milestone": 1}}, directive="@dryRun", depth=3
    )
    answer = await buyer.answer(text, **variables)
    told = {one["code"]: one["amount"]["amount"] for one in answer["data"]["a0"]["postings"]}
    assert told == {"escrow": "-333", "fees": "33", "earnings": "300"}
    events = [one["type"] for one in answer["extensions"]["dryRun"]["a0"]["events"]]
    assert events == ["EscrowMoved", "Transferred"]
    [seen] = (await buyer.call("escrows"))["nodes"]
    assert (seen["state"], seen["released"]["amount"]) == ("FUNDED", "0")
    assert await purses.has(seller, "earnings") == 0


async def test_a_dispute_is_ruled_on_by_somebody_else(company: list[Person], purses: Purses) -> None:
    owner, buyer, seller = company
    escrow = await _opened(buyer, seller)
    await _does(buyer, "fundEscrow", escrow)
    assert await _does(seller, "releaseEscrow", escrow) == "FORBIDDEN"
    assert await _does(buyer, "refundEscrow", escrow) == "FORBIDDEN"
    assert await _does(owner, "disputeEscrow", escrow, about="Mine") == "FORBIDDEN"
    assert await _does(buyer, "disputeEscrow", escrow, about="It is late.") == "DISPUTED"
    for person, name in ((buyer, "releaseEscrow"), (seller, "refundEscrow"), (seller, "submitEscrow")):
        assert await _does(person, name, escrow) == "ILLEGAL_TRANSITION"
    assert await _does(seller, "ruleOnEscrow", escrow, sellerAmount="1001") == "FORBIDDEN"
    assert await _does(owner, "ruleOnEscrow", escrow, sellerAmount="1002") == "MORE_THAN_FUNDED"
    assert await _does(owner, "ruleOnEscrow", escrow, sellerAmount="400") == "SPLIT"
    assert await _does(owner, "ruleOnEscrow", escrow, sellerAmount="400") == "ILLEGAL_TRANSITION"
    assert (await purses.has(buyer, "wallet"), await purses.has(seller, "earnings")) == (601, 400)


async def test_nobody_rules_on_their_own_and_nobody_else_sees_it(
    company: list[Person], purses: Purses, strangers: list[Person]
) -> None:
    owner, buyer, seller = company
    await purses.fill(owner, 1_001)
    escrow = await _opened(owner, seller)
    await _does(owner, "fundEscrow", escrow)
    await _does(owner, "disputeEscrow", escrow, about="It is late.")
    assert await _does(owner, "ruleOnEscrow", escrow, sellerAmount="0") == "FORBIDDEN"
    for person in (buyer, strangers[0]):
        assert await _does(person, "ruleOnEscrow", escrow, sellerAmount="0") == "NOT_FOUND"
        assert (await person.call("node", id=escrow)) is None
    assert (await buyer.call("escrows"))["nodes"] == []


async def test_what_nobody_answers_to_is_released_when_the_review_is_over(
    company: list[Person], purses: Purses, store: Store
) -> None:
    _, buyer, seller = company
    escrow = await _opened(buyer, seller)
    await _does(buyer, "fundEscrow", escrow)
    answer = await seller.call("submitEscrow", input={"escrowId": escrow})
    release_at = datetime.fromisoformat(answer["escrow"]["releaseAt"])
    assert timedelta(days=3, minutes=-1) < release_at - datetime.now(UTC) <= timedelta(days=3)
    staff = buyer.world.staff
    assert staff
    past = {"$set": {"release_at": datetime.now(UTC) - timedelta(seconds=1)}}
    await store["escrows"].update_one({"_id": ObjectId(escrow.partition("_")[2])}, past)
    await staff.call("runSchedule", input={"name": "release_escrows"})

    async def released() -> bool:
        [seen] = (await buyer.call("escrows"))["nodes"]
        return bool(seen["state"] == "IN_PROGRESS" and seen["released"]["amount"] == "333")

    await until(released)
    assert await purses.has(seller, "earnings") == 333


async def test_what_cannot_be_is_refused_and_moves_nothing(company: list[Person], purses: Purses) -> None:
    owner, buyer, seller = company
    refused: list[tuple[dict[str, Any], str]] = [
        ({"milestones": []}, "INVALID"),
        ({"milestones": [{"title": "a", "amount": "0"}]}, "INVALID"),
        ({"milestones": [{"title": "a", "amount": "-1"}]}, "INVALID"),
        ({"milestones": [{"title": "a", "amount": str(2**63)}]}, "INVALID"),
        ({"milestones": [{"title": "a", "amount": str(2**63 - 1)}] * 2}, "AMOUNT_OUT_OF_RANGE"),
        ({"currency": "XXX"}, "INVALID"),
        ({"sellerId": buyer.id}, "INVALID"),
        ({"sellerId": f"User_{ObjectId()}"}, "NOT_FOUND"),
    ]
    for more, code in refused:
        given = {"sellerId": seller.id, "title": "A film", "currency": "EUR", "milestones": PARTS, **more}
        assert (await buyer.call("openEscrow", input=given))["code"] == code, more
    dear = await _opened(buyer, seller, milestones=[{"title": "a", "amount": "1002"}])
    assert await _does(buyer, "fundEscrow", dear) == "INSUFFICIENT_FUNDS"
    dollars = await _opened(buyer, seller, currency="USD")
    assert await _does(buyer, "fundEscrow", dollars) == "INSUFFICIENT_FUNDS"
    assert await _does(seller, "closeEscrow", dear) == "CLOSED"
    assert await _does(buyer, "fundEscrow", dear) == "ILLEGAL_TRANSITION"
    escrow = await _opened(buyer, seller)
    await _does(buyer, "fundEscrow", escrow)
    refused = [
        ({"amount": "1002"}, "MORE_THAN_FUNDED"),
        ({"amount": "0"}, "INVALID"),
        ({"amount": "-5"}, "INVALID"),
        ({"milestone": 3}, "INVALID"),
        ({"amount": "1", "milestone": 1}, "INVALID"),
    ]
    for more, code in refused:
        assert await _does(buyer, "releaseEscrow", escrow, **more) == code, more
    assert await _does(seller, "refundEscrow", escrow, toPaymentMethod=True) == "NO_PAYMENT_TO_REFUND"
    assert await _does(seller, "refundEscrow", escrow) == "REFUNDED"
    assert await _does(seller, "refundEscrow", escrow) == "ILLEGAL_TRANSITION"
    assert (await purses.has(buyer, "wallet"), await purses.has(seller, "earnings")) == (1_001, 0)
    for change in ({"escrowFeeRate": 5_001}, {"escrowFeeRate": -1}, {"reviewDays": 0}):
        assert (await owner.call("updatePayRules", input=change))["code"] == "INVALID"
    assert await buyer.refused("updatePayRules", input={"escrowFeeRate": 1}) == "FORBIDDEN"
