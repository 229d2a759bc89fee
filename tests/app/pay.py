"""The calls of a scene that are about money of people, and what they find."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bson import ObjectId

from app.core.clock import new_id, now
from app.core.ledger import Bound, Phase, Posting
from app.core.ledger.transfers import digest
from app.models import Earning, LedgerAccount, LedgerTransfer, Payout, Purse
from tests.app.accounts import given, page
from tests.app.money import row
from tests.world import Person

Arguments = dict[str, Any]


@dataclass(frozen=True)
class Paid:
    """What of a scene is about money of people: ids as clients hold them."""

    escrow: str
    """Of the owner for the second owner; not funded."""
    sold_escrow: str
    """Of the second owner for the owner; funded."""
    bought_escrow: str
    """Of the owner for the second owner; submitted."""
    disputed_escrow: str
    """Of the second owner for the guest."""
    earning: str
    """Of the owner."""
    commission_plan: str
    commission: str
    """Of the owner, by that plan; nobody has decided on it."""
    payout: str
    """Of the owner; not sent yet."""


SOLD = "order-1"
"""An order with a sale."""


def _order(_: Any) -> str:
    return f"order-{secrets.token_hex(6)}"


CALLS: Mapping[str, Callable[[Any], Arguments]] = {
    "payRules": lambda _: {},
    "updatePayRules": given(
        escrowFeeRate=lambda _: 500,
        reviewDays=lambda _: 4,
        earningsHoldDays=lambda _: 7,
        payoutMinimums=lambda _: [{"amount": "1", "currency": "EUR"}],
    ),
    "wallet": lambda _: {"currency": "EUR"},
    "openWallet": given(currency=lambda _: "CHF"),
    "payFromWallet": given(amount=lambda _: "1", currency=lambda _: "EUR", reference=_order),
    "accountStatement": lambda _: {"purse": "WALLET", "currency": "EUR", "month": "2026-11"},
    "walletChanged": lambda _: {"currency": "EUR"},
    "escrows": page,
    "openEscrow": given(
        sellerId=lambda s: s.second_owner,
        title=lambda _: "New",
        currency=lambda _: "EUR",
        milestones=lambda _: [{"title": "New", "amount": "100"}],
        reference=_order,
    ),
    "fundEscrow": given(escrowId=lambda s: s.escrow),
    "closeEscrow": given(escrowId=lambda s: s.escrow),
    "beginEscrow": given(escrowId=lambda s: s.sold_escrow),
    "submitEscrow": given(escrowId=lambda s: s.sold_escrow),
    "refundEscrow": given(escrowId=lambda s: s.sold_escrow),
    "disputeEscrow": given(escrowId=lambda s: s.sold_escrow, about=lambda _: "New"),
    "releaseEscrow": given(escrowId=lambda s: s.bought_escrow, amount=lambda _: "1"),
    "askForEscrowChanges": given(escrowId=lambda s: s.bought_escrow),
    "ruleOnEscrow": given(escrowId=lambda s: s.disputed_escrow, sellerAmount=lambda _: "40"),
    "earnings": page,
    "earningsForecast": lambda _: {"currency": "EUR"},
    "recordSale": given(
        amount=lambda _: "100",
        currency=lambda _: "EUR",
        fee=lambda _: "10",
        sellerId=lambda s: s.second_owner,
        reference=_order,
    ),
    "recordOrderRefund": given(
        amount=lambda _: "1", currency=lambda _: "EUR", reference=lambda _: SOLD, key=lambda _: secrets.token_hex(6)
    ),
    "commissionPlans": page,
    "commissions": page,
    "createCommissionPlan": given(
        name=lambda _: "New",
        currency=lambda _: "EUR",
        basis=lambda _: "TIERED",
        tiers=lambda _: [{"threshold": "0", "rate": 500}],
        term=lambda _: "RECURRING",
        months=lambda _: 3,
        cap=lambda _: "1000",
        minimum=lambda _: "1",
        holdDays=lambda _: 7,
    ),
    "retireCommissionPlan": given(planId=lambda s: s.commission_plan),
    "recordReferral": given(
        amount=lambda _: "1000",
        currency=lambda _: "EUR",
        reference=_order,
        planId=lambda s: s.commission_plan,
        customerId=lambda s: s.guest,
        shares=lambda s: [{"userId": s.second_owner, "weight": 2}],
    ),
    "payouts": page,
    "payoutPlan": lambda _: {},
    "choosePayout": given(schedule=lambda _: "MONTHLY", purses=lambda _: ["EARNINGS"]),
    "requestPayout": given(amount=lambda _: "1", currency=lambda _: "EUR", purse=lambda _: "WALLET"),
    "cancelPayout": given(payoutId=lambda s: s.payout),
    "topUpWallet": given(
        amount=lambda _: "100",
        currency=lambda _: "EUR",
        successUrl=lambda s: f"{s.owner.world.url}/paid",
        cancelUrl=lambda s: f"{s.owner.world.url}/not-paid",
        provider=lambda _: "STRIPE",
    ),
    "payForEscrow": given(
        escrowId=lambda s: s.escrow,
        successUrl=lambda s: f"{s.owner.world.url}/paid",
        cancelUrl=lambda s: f"{s.owner.world.url}/not-paid",
        provider=lambda _: "STRIPE",
    ),
    "approveCommission": given(commissionId=lambda s: s.commission),
    "rejectCommission": given(commissionId=lambda s: s.commission, note=lambda _: "New"),
}
"""The arguments with which the caller of a scene can ask each root field; mutations succeed."""


async def furnish(owner: Person, second: Person, guest: Person, text: str) -> dict[str, str]:
    """Ids by their names in the scene. The owner has a wallet; the others get one."""
    await stored_purse(second, "wallet", 1_000)
    given = {"title": text, "currency": "EUR", "milestones": [{"title": text, "amount": "100"}]}

    async def escrow(buyer: Person, seller: Person, *done: tuple[Person, str, Arguments]) -> str:
        made = await buyer.call("openEscrow", input={**given, "sellerId": seller.id})
        id = str(made["escrow"]["id"])
        for person, name, more in done:
            await person.call(name, input={"escrowId": id, **more})
        return id

    sale = {"amount": "100", "currency": "EUR", "fee": "10", "sellerId": owner.id, "reference": SOLD}
    await owner.call("recordSale", input=sale)
    terms = {"name": text, "currency": "EUR", "basis": "PERCENT", "rate": 1_000, "term": "LIFETIME"}
    plan = (await owner.call("createCommissionPlan", input=terms))["id"]
    referral = {"amount": "1000", "currency": "EUR", "reference": text, "planId": plan, "customerId": guest.id}
    referral["shares"] = [{"userId": owner.id}]
    brought = await owner.call("recordReferral", depth=3, input=referral)
    fund: tuple[str, Arguments] = ("fundEscrow", {})
    return {
        "escrow": await escrow(owner, second),
        "sold_escrow": await escrow(second, owner, (second, *fund)),
        "bought_escrow": await escrow(owner, second, (owner, *fund), (second, "submitEscrow", {})),
        "disputed_escrow": await escrow(second, guest, (second, *fund), (second, "disputeEscrow", {"about": text})),
        "commission_plan": plan,
        "commission": brought["commissions"][0]["id"],
        "earning": await stored_earning(owner),
        "payout": await stored_payout(owner),
    }


async def stored_earning(person: Person) -> str:
    """The id of what the person has earned in a month; it becomes available tomorrow."""
    assert person.world.store is not None
    moment = now()
    made = row(
        Earning,
        organization_id=_key(person.organization),
        user_id=_key(person.id),
        month="2026-10",
        currency="EUR",
        gross=100,
        fees=10,
        refunded=0,
        amount=90,
        sales=1,
        available_at=moment + timedelta(days=1),
        created_at=moment,
        changed_at=moment,
    )
    await person.world.store["earnings"].insert_one(made.encode())
    return f"Earning_{made.id}"


async def stored_payout(person: Person) -> str:
    """The id of what the person has asked for, and no worker knows of."""
    assert person.world.store is not None
    await stored_purse(person, "payouts", 50)
    made = row(
        Payout,
        organization_id=_key(person.organization),
        user_id=_key(person.id),
        purse=Purse.WALLET,
        amount=50,
        currency="EUR",
        account_id=new_id(),
        created_at=now(),
        changed_at=now(),
    )
    await person.world.store["payouts"].insert_one(made.encode())
    return f"Payout_{made.id}"


async def stored_purse(person: Person, code: str, amount: int) -> None:
    """Let the person have so much, which has come from a bank of its own."""
    assert person.world.store is not None
    organization, moment = _key(person.organization), now()
    bank = row(
        LedgerAccount,
        organization_id=organization,
        code=f"bank:{new_id()}",
        currency="EUR",
        posted=-amount,
        entries=1,
        opened_at=moment,
    )
    purse = row(
        LedgerAccount,
        organization_id=organization,
        code=code,
        holder_id=_key(person.id),
        currency="EUR",
        bound=Bound.CREDIT,
        posted=amount,
        entries=1,
        opened_at=moment,
    )
    transfer = row(
        LedgerTransfer,
        organization_id=organization,
        key=str(new_id()),
        kind="fill",
        phase=Phase.POSTED,
        postings=[Posting(one.id, one.posted, "EUR", 1, one.posted) for one in (bank, purse)],
        value_at=moment,
        booked_at=moment,
    )
    transfer.digest = digest(transfer)
    await person.world.store["ledger_accounts"].insert_many([bank.encode(), purse.encode()])
    await person.world.store["ledger_transfers"].insert_one(transfer.encode())


def _key(id: str) -> ObjectId:
    return ObjectId(id.partition("_")[2])
