"""By what rules an organization pays people. Commands keep those that hold when they begin with what they begin."""

from dataclasses import asdict
from typing import Annotated

from pydantic import Field

from app.core import changes
from app.core.actor import Actor
from app.core.clock import new_id, now
from app.core.commands import Command
from app.core.money import Amount
from app.models import PayRules, PayRulesDocument
from app.models.ledger.events import PayRulesChanged

HIGHEST_FEE = 5_000
LONGEST = 180
MOST_CURRENCIES = 50
Days = Annotated[int, Field(ge=0, le=LONGEST)]


class PayRulesUpdate(Command):
    """Rules by which people are paid; what is left out stays."""

    escrow_fee_rate: Annotated[
        int | None, Field(ge=0, le=HIGHEST_FEE, description="Of what is released, in basis points.")
    ] = None
    review_days: Annotated[
        int | None, Field(ge=1, le=LONGEST, description="After which what was submitted is released by itself.")
    ] = None
    earnings_hold_days: Annotated[
        int | None,
        Field(ge=0, le=LONGEST, description="Between the computation of earnings and their being available."),
    ] = None
    payout_minimums: Annotated[
        list[Amount] | None, Field(max_length=MOST_CURRENCIES, description="Below which nothing is paid out.")
    ] = None


async def of(actor: Actor) -> PayRules:
    """The rules that hold in the actor's organization."""
    return await PayRules.lookup(actor) or _usual(actor)


@changes.atomic
async def update(actor: Actor, given: PayRulesUpdate) -> PayRules:
    """Let other rules hold from now on."""
    told = PayRulesChanged(actor)
    await changes.insert_once(_usual(actor), {"organization_id": actor.organization_id})
    set = {name: getattr(given, name) for name in given.model_fields_set if getattr(given, name) is not None}
    if given.payout_minimums is not None:
        minimums = {one.currency: one.money for one in given.payout_minimums}  # of two of a currency the last
        set["payout_minimums"] = [asdict(one) for one in minimums.values()]
    return await changes.edit(PayRules, PayRules.within(actor), {**set, "changed_at": now()}, told)


def minimum(rules: PayRules, currency: str) -> int:
    """How much is paid out at least, in minor units."""
    return next((one.amount for one in rules.payout_minimums if one.currency == currency), 1)


def _usual(actor: Actor) -> PayRulesDocument:
    assert actor.organization_id
    return PayRulesDocument(id=new_id(), organization_id=actor.organization_id)
