"""Where people and organizations are sent money.

That is an account at the provider, whose holder says there who they are, or a bank account or UPI address that is given
here and handed on: it is kept at the provider only.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Self

from bson import ObjectId
from pydantic import Field, model_validator

from app.core import changes
from app.core.actor import Actor
from app.core.clock import derived_id, new_id, now
from app.core.commands import Command
from app.core.errors import Invalid
from app.core.machines import Machine, Transition, only_platform
from app.core.rows import Value
from app.core.words import words
from app.integrations.payments import AccountSeen, Destination, Refused, Stage
from app.models import (
    CustomerKind,
    PayoutAccount,
    PayoutAccountDocument,
    PayoutAccountState,
    Permission,
    Provider,
)
from app.models.billing.payment_events import PayoutAccountChanged
from app.services.billing.paying import customers, providers
from app.services.billing.paying.customers import Customer

PENDING, ENABLED, RESTRICTED = PayoutAccountState
ACCOUNT = Machine(
    Transition("enable", frozenset({PENDING, RESTRICTED}), ENABLED, only_platform),
    Transition("restrict", frozenset({PENDING, ENABLED}), RESTRICTED, only_platform),
)
_STEPS = {Stage.SUCCEEDED: "enable", Stage.REQUIRES_ACTION: "restrict"}


class DestinationRefused(Invalid):
    """The provider sends no money there."""

    code = "DESTINATION_REFUSED"


class PayoutDestinationGiven(Command):
    """Where one wants to be sent money: a bank account in India, or a UPI address."""

    customer_kind: CustomerKind = CustomerKind.PERSON
    provider: providers.By = None
    name: Annotated[str, Field(min_length=3, max_length=120, description="Of the holder, as the bank has it.")]
    account_number: Annotated[
        str | None, Field(pattern=r"^[A-Za-z0-9]{5,35}$", description="It is handed to the provider and not kept.")
    ] = None
    ifsc: Annotated[
        str | None, Field(pattern=r"^[A-Z]{4}0[A-Z0-9]{6}$", description="Of the branch, such as HDFC0000053.")
    ] = None
    vpa: Annotated[
        str | None,
        Field(pattern=r"^[A-Za-z0-9._-]{2,255}@[A-Za-z][A-Za-z0-9]{1,63}$", description="Of UPI, such as ada@okbank."),
    ] = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if bool(self.account_number) is not bool(self.ifsc) or bool(self.vpa) is bool(self.ifsc):
            raise ValueError(words("Give either the number of an account and its IFSC, or a UPI address."))
        return self


@dataclass(slots=True)
class PayoutDestination(Value):
    """Where one is sent money from now on; none in a rehearsal."""

    account: PayoutAccount | None


async def find(actor: Actor, id: ObjectId) -> PayoutAccount | None:
    """One of the actor's own, or one that their organization pays if they may see to its bills."""
    own = {} if actor.can(Permission.BILLING_READ) else {"holder_id": actor.user_id}
    return await PayoutAccount.lookup(actor, own, _id=id)


async def mine(actor: Actor, kind: CustomerKind) -> PayoutAccount | None:
    """Where the actor, or their organization, is sent money. Raises Forbidden."""
    return await of(customers.buying(actor, kind, permission=Permission.BILLING_READ))


async def of(holder: Customer, provider: Provider | None = None) -> PayoutAccount | None:
    """Where somebody is sent money by the organization that `holder.seller` acts in; None before they began.

    If no provider is named that is by the first of those that are set up and can send it now, or else by the first.
    """
    if provider is not None:
        return await PayoutAccount.lookup(holder.seller, _where(holder, provider))
    order = providers.able(providers.PAYOUTS) or [*providers.PAYOUTS]
    found = await PayoutAccount.select(holder.seller, _of(holder))
    rows = [row for row in found if row.provider in order]
    return min(rows, key=lambda row: (row.state is not ENABLED, order.index(row.provider)), default=None)


async def opened(holder: Customer, provider: Provider | None = None) -> PayoutAccount:
    """The same, opened at the provider if need be. It is not called inside a scope."""
    name = provider or providers.chosen(None, providers.ACCOUNTS)
    return await of(holder, name) or await _make(holder, name)


async def choose(actor: Actor, given: PayoutDestinationGiven) -> PayoutDestination:
    """Say where one wants to be sent money from now on; what is on its way goes where it was to.

    Raises Forbidden, DestinationRefused, Unavailable.
    """
    holder = customers.buying(actor, given.customer_kind)
    name = providers.chosen(given.provider, providers.DESTINATIONS)
    provider = providers.of(name, providers.DESTINATIONS)
    if changes.rehearsing():
        return PayoutDestination(None)
    to = Destination(
        name=given.name,
        account_number=given.account_number or "",
        ifsc=given.ifsc or "",
        vpa=given.vpa or "",
    )
    assert holder.seller.organization_id
    key = str(derived_id(holder.id, f"payouts:{holder.seller.organization_id}:{holder.kind.value}"))
    at = now()
    try:
        seen = await changes.apart(lambda: provider.destination(customers.labels_of(holder), to, key))
    except Refused as error:
        raise DestinationRefused("The provider sends no money there: {reason}.", reason=error.code) from error
    return PayoutDestination(await _keep(holder, name, seen, at))


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


@changes.atomic
async def _keep(holder: Customer, provider: Provider, seen: AccountSeen, at: datetime) -> PayoutAccount:
    """Note where somebody is sent money by a provider from now on."""
    row, step = await _store(holder, provider, seen, at), _STEPS[seen.stage]
    state = ACCOUNT.transitions[step].target
    told = PayoutAccountChanged(holder.seller, user=holder.id, account=row.id, state=state.value)
    where: dict[str, object] = {"organization_id": row.organization_id}
    set = {"provider_ref": seen.ref, "observed_at": at}
    if row.state is state:
        where = PayoutAccount.within(holder.seller, _id=row.id)
        return await changes.edit(PayoutAccount, where, {**set, "changed_at": at}, told)
    return await ACCOUNT.move(Actor.platform(row.organization_id), row, step, told, where=where, **set)


def _of(holder: Customer) -> dict[str, object]:
    return {"holder_kind": holder.kind.value, "holder_id": holder.id}


def _where(holder: Customer, provider: Provider) -> dict[str, object]:
    return {**_of(holder), "provider": provider.value}


async def _make(holder: Customer, provider: Provider) -> PayoutAccount:
    key = f"account:{holder.seller.organization_id}:{holder.kind.value}:{holder.id}"
    at = now()
    seen = await providers.of(provider, providers.ACCOUNTS).account(customers.labels_of(holder), key)
    return await _store(holder, provider, seen, at)


async def _store(holder: Customer, provider: Provider, seen: AccountSeen, at: datetime) -> PayoutAccount:
    """The account of somebody at a provider, which is written unless it was there."""
    assert holder.seller.organization_id
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
