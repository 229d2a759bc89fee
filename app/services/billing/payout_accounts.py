"""Where people and organizations are sent money: accounts at the provider, whose holders say there who they are."""

from datetime import datetime

from bson import ObjectId

from app.core import changes
from app.core.actor import Actor
from app.core.clock import new_id, now
from app.core.machines import Machine, Transition, only_platform
from app.integrations.payments import AccountSeen, Stage
from app.models import (
    CustomerKind,
    PayoutAccount,
    PayoutAccountDocument,
    PayoutAccountState,
    Permission,
    Provider,
)
from app.models.billing.payment_events import PayoutAccountChanged
from app.services.billing import customers, providers
from app.services.billing.customers import Customer

PENDING, ENABLED, RESTRICTED = PayoutAccountState
ACCOUNT = Machine(
    Transition("enable", frozenset({PENDING, RESTRICTED}), ENABLED, only_platform),
    Transition("restrict", frozenset({PENDING, ENABLED}), RESTRICTED, only_platform),
)
_STEPS = {Stage.SUCCEEDED: "enable", Stage.REQUIRES_ACTION: "restrict"}


async def find(actor: Actor, id: ObjectId) -> PayoutAccount | None:
    """One of the actor's own, or one that their organization pays if they may see to its bills."""
    own = {} if actor.can(Permission.BILLING_READ) else {"holder_id": actor.user_id}
    return await PayoutAccount.lookup(actor, own, _id=id)


async def mine(actor: Actor, kind: CustomerKind) -> PayoutAccount | None:
    """Where the actor, or their organization, is sent money. Raises Forbidden."""
    return await of(customers.buying(actor, kind, permission=Permission.BILLING_READ))


async def of(holder: Customer, provider: Provider | None = None) -> PayoutAccount | None:
    """Where somebody is sent money by the organization that `holder.seller` acts in; None before they began.

    That is by the first provider of those that are set up and send money, if none is named.
    """
    return await PayoutAccount.lookup(holder.seller, _where(holder, _chosen(provider)))


async def opened(holder: Customer, provider: Provider | None = None) -> PayoutAccount:
    """The same, opened at the provider if need be. It is not called inside a scope."""
    name = _chosen(provider)
    return await of(holder, name) or await _make(holder, name)


@changes.atomic
async def observe(seen: AccountSeen, at: datetime) -> bool:
    """Note how an account is at its provider. Whether it is one of ours."""
    holder = customers.labelled(seen.labels)
    row = None if holder is None else await PayoutAccount.lookup(holder.seller, provider_ref=seen.ref)
    if holder is None or row is None:
        return False
    step = _STEPS.get(seen.stage)
    if step and row.state in ACCOUNT.transitions[step].sources and at > row.observed_at:
        state = ACCOUNT.transitions[step].target
        told = PayoutAccountChanged(holder.seller, user=holder.id, account=row.id, state=state.value)
        where = {"organization_id": row.organization_id}
        await ACCOUNT.move(holder.seller, row, step, told, where=where, observed_at=at)
    return True


def _chosen(provider: Provider | None) -> Provider:
    return provider or providers.chosen(None, providers.PAYOUTS)


def _where(holder: Customer, provider: Provider) -> dict[str, object]:
    return {"holder_kind": holder.kind.value, "holder_id": holder.id, "provider": provider.value}


async def _make(holder: Customer, provider: Provider) -> PayoutAccount:
    assert holder.seller.organization_id
    key = f"account:{holder.seller.organization_id}:{holder.kind.value}:{holder.id}"
    at = now()
    seen = await providers.of(provider, providers.PAYOUTS).account(customers.labels_of(holder), key)
    made = PayoutAccountDocument(
        id=new_id(),
        organization_id=holder.seller.organization_id,
        holder_kind=holder.kind,
        holder_id=holder.id,
        provider=provider,
        provider_ref=seen.ref,
        observed_at=at,
        created_at=at,
        changed_at=at,
    )
    told = PayoutAccountChanged(holder.seller, user=holder.id, account=made.id, state=PENDING.value)
    return (await changes.insert_once(made, PayoutAccount.within(holder.seller, _where(holder, provider)), told))[0]
