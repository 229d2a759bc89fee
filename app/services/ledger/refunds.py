"""What was given back to a buyer is taken from those who were paid for the order: sellers and marketers."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from app.core.actor import Actor
from app.core.errors import NotFound
from app.core.ledger.turns import in_turn
from app.core.money import Amount, CurrencyMismatch
from app.core.rows import Value
from app.services.ledger import commissions, sales


class NewOrderRefund(Amount):
    """That so much of an order was given back; `key` names it, so that it counts once."""

    reference: Annotated[str, Field(min_length=1, max_length=100, description="Of the order.")]
    key: Annotated[str, Field(min_length=1, max_length=100, description="Names the refund: it counts once.")]


@dataclass(slots=True)
class OrderRefund(Value):
    """How much of an order was given back in all."""

    reference: str
    amount: int
    currency: str


@in_turn
async def record(actor: Actor, given: NewOrderRefund) -> OrderRefund:
    """Keep that a part of an order was given back. Raises NotFound, CurrencyMismatch or MoreThanSold."""
    sold = await sales.of_order(actor, given.reference)
    if not sold:
        raise NotFound("There is no such {kind}.", kind="Order", path=["input", "reference"])
    for sale in sold:
        if sale.currency != given.currency:
            raise CurrencyMismatch(
                "These are amounts in {one} and in {other}.", one=sale.currency, other=given.currency
            )
    await sales.refund_order(actor, given.reference, given.amount, given.key)
    await commissions.claw_back(actor, given.reference, given.amount, given.key)
    total = sum(one.amount for sale in await sales.of_order(actor, given.reference) for one in sale.refunds)
    return OrderRefund(given.reference, total, given.currency)
