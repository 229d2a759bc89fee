"""Paying into a wallet or an escrow on a page of a provider's. What has come in is moved by `applying`."""

from dataclasses import dataclass
from typing import Annotated

from bson import ObjectId
from pydantic import Field

from app.core.actor import Actor
from app.core.clock import new_id
from app.core.commands import Command, Ref
from app.core.errors import NotFound
from app.core.money import Amount, Money
from app.core.rows import Value
from app.models import CustomerKind, Escrow
from app.services.billing.paying import checkouts, payments, providers
from app.services.billing.paying.payments import NewCheckout
from app.services.ledger import wallets
from app.services.ledger.escrows import ESCROW
from app.services.ledger.wallets import WalletOpening

Page = Annotated[str, Field(max_length=2_000, description="A page of an origin of ours.")]


class TopUp(Amount):
    """How much one pays into one's wallet, and where the browser comes back to."""

    success_url: Page
    cancel_url: Page
    save_method: Annotated[bool, Field(description="Whether the method is kept for payments to come.")] = False
    provider: providers.By = None


class EscrowPayment(Command):
    """An escrow that one pays for, and where the browser comes back to."""

    escrow_id: Annotated[ObjectId, Ref("Escrow")]
    success_url: Page
    cancel_url: Page
    provider: providers.By = None


@dataclass(slots=True)
class PaymentPage(Value):
    """The page on which one pays; none in a rehearsal."""

    url: str | None


async def top_up(actor: Actor, given: TopUp) -> PaymentPage:
    """A page on which the actor pays into their wallet. Raises as `payments.begin_checkout`."""
    assert actor.user_id
    _check(given)
    wallet = await wallets.open_wallet(actor, WalletOpening(currency=given.currency))
    new = NewCheckout(
        key=f"top_up:{new_id()}",
        customer_kind=CustomerKind.PERSON,
        customer_id=actor.user_id,
        amount=given.money,
        reference=f"Wallet_{wallet.id}",
        description="Wallet",
        success_url=given.success_url,
        cancel_url=given.cancel_url,
        save_method=given.save_method,
        provider=given.provider,
    )
    return PaymentPage((await payments.begin_checkout(actor, new)).url)


async def pay_for_escrow(actor: Actor, given: EscrowPayment) -> PaymentPage:
    """A page on which the buyer pays for all of the work. Raises as `top_up`, NotFound or Forbidden."""
    assert actor.user_id
    _check(given)
    row = await Escrow.lookup(actor, _id=given.escrow_id)
    if row is None:
        raise NotFound("There is no such {kind}.", kind="Escrow", path=["input", "escrowId"])
    ESCROW.check(actor, row, "fund")
    new = NewCheckout(
        key=f"escrow:{new_id()}",
        customer_kind=CustomerKind.PERSON,
        customer_id=actor.user_id,
        amount=Money(row.amount, row.currency),
        reference=f"Escrow_{row.id}",
        description=row.title,
        success_url=given.success_url,
        cancel_url=given.cancel_url,
        provider=given.provider,
    )
    return PaymentPage((await payments.begin_checkout(actor, new)).url)


def _check(given: TopUp | EscrowPayment) -> None:
    """Raises Invalid for pages that are not ours."""
    checkouts.check_address(given.success_url, "successUrl")
    checkouts.check_address(given.cancel_url, "cancelUrl")
