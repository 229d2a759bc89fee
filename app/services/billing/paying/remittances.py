"""Sending money out: to the holder's bank, and into their account at the provider first if they have one there.

What does not arrive is taken back, so that the money is where it was. Nothing is booked here: who asks for it does so,
by PayoutSettled and PayoutFailed.
"""

from datetime import datetime

from bson import ObjectId

from app.core import changes
from app.core.actor import Actor
from app.core.clock import new_id, now
from app.core.errors import Conflict, KeyReused
from app.core.machines import Machine, Transition, only_platform
from app.core.money import Money
from app.integrations.payments import PayoutSeen, Refused, Stage
from app.models import PayoutAccount, PayoutAccountState, Remittance, RemittanceDocument, RemittanceState
from app.models.billing.payment_events import PayOutAsked, PayoutFailed, PayoutSettled
from app.services.billing.paying import customers, providers

PROCESSING = frozenset({RemittanceState.PROCESSING})
REMITTANCE = Machine(
    Transition("settle", PROCESSING, RemittanceState.SUCCEEDED, only_platform),
    Transition("fail", PROCESSING, RemittanceState.FAILED, only_platform),
)


class PayoutAccountNotReady(Conflict):
    """Its holder has yet to tell the provider who they are, or the provider wants to know more."""

    code = "PAYOUT_ACCOUNT_NOT_READY"


async def pay_out(actor: Actor, key: str, destination: ObjectId, amount: Money, reference: str) -> Remittance:
    """Send money to a payout account of the actor's organization, once for the key.

    PayoutSettled or PayoutFailed tell what comes of it. Raises NotFound, PayoutAccountNotReady, KeyReused.
    """
    assert actor.organization_id
    if amount.amount <= 0:
        raise ValueError("what is sent is above zero")
    account = await PayoutAccount.require(actor, destination)
    moment = now()
    made = RemittanceDocument(
        id=new_id(),
        organization_id=actor.organization_id,
        key=key,
        account_id=account.id,
        account_ref=account.provider_ref,
        amount=amount.amount,
        currency=amount.currency,
        reference=reference,
        provider=account.provider,
        created_at=moment,
        changed_at=moment,
    )
    known = await Remittance.lookup(actor, key=key)
    if known is None and account.state is not PayoutAccountState.ENABLED:
        raise PayoutAccountNotReady("Nothing can be sent to this account yet.")
    told = PayOutAsked(actor, remittance=made.id, reference=reference)
    row, new = (known, False) if known else await changes.insert_once(made, Remittance.within(actor, key=key), told)
    same = ("account_id", "amount", "currency", "reference")
    if not new and any(getattr(row, name) != getattr(made, name) for name in same):
        raise KeyReused("Other money is sent by the key “{key}”.", key=key)
    return row


async def send(asked: PayOutAsked) -> None:
    """Send what was asked for; again after a failure, once all the same."""
    seller = Actor.platform(asked.actor.organization_id)
    row = await Remittance.lookup(seller, _id=asked.remittance)
    if row is None or row.state is not RemittanceState.PROCESSING:
        return
    provider = providers.of(row.provider, providers.PAYOUTS)
    to = row.account_ref or (await PayoutAccount.require(seller, row.account_id)).provider_ref
    holding = providers.ACCOUNTS.get(row.provider)
    labels = customers.labels(row.organization_id, remittance=row.id)
    try:
        if holding and row.transfer_ref is None:
            ref = await holding.transfer(to, row.amount, row.currency, labels, f"{row.id}:transfer")
            row = await _keep(seller, row, "transfer_ref", ref)
        at = now()
        if row.provider_ref is None:
            seen = await provider.payout(to, row.amount, row.currency, labels, f"{row.id}:payout")
            row = await _keep(seller, row, "provider_ref", seen.ref)
        else:
            seen = await provider.payout_seen(to, row.provider_ref)
    except Refused as error:
        await _give_up(seller, row, error.code, now())
        return
    await observe(seller, row.id, seen, at)


async def observe(seller: Actor, remittance_id: ObjectId, seen: PayoutSeen, at: datetime) -> None:
    """Note how money on its way is at its provider."""
    row = await Remittance.lookup(seller, _id=remittance_id)
    if row is None or row.state is not RemittanceState.PROCESSING or row.provider_ref not in (None, seen.ref):
        return
    if seen.stage is Stage.FAILED:
        await _give_up(seller, row, seen.code or "failed", at)
    elif seen.stage is Stage.SUCCEEDED:
        await _settle(seller, row.id, seen.ref, at)


@changes.atomic
async def _settle(seller: Actor, id: ObjectId, ref: str, at: datetime) -> None:
    row = await Remittance.require(seller, id)
    if row.state is RemittanceState.PROCESSING:
        told = PayoutSettled(seller, payout_ref=ref, reference=row.reference)
        where = {"organization_id": row.organization_id}
        await REMITTANCE.move(seller, row, "settle", told, where=where, provider_ref=ref, observed_at=at)


async def _give_up(seller: Actor, row: Remittance, code: str, at: datetime) -> None:
    """Take back what has not arrived, and tell of it then only."""
    if row.transfer_ref is not None:
        await providers.of(row.provider, providers.ACCOUNTS).take_back(row.transfer_ref, f"{row.id}:back")
    await _fail(seller, row.id, code, at)


@changes.atomic
async def _fail(seller: Actor, id: ObjectId, code: str, at: datetime) -> None:
    row = await Remittance.require(seller, id)
    if row.state is RemittanceState.PROCESSING:
        told = PayoutFailed(seller, reference=row.reference, code=code)
        where = {"organization_id": row.organization_id}
        await REMITTANCE.move(seller, row, "fail", told, where=where, failure_code=code, observed_at=at)


async def _keep(seller: Actor, row: Remittance, name: str, ref: str) -> Remittance:
    where = Remittance.within(seller, _id=row.id)
    return await changes.change(Remittance, where, {"$set": {name: ref}}) or row
