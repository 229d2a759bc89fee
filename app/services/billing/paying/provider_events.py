"""What providers tell: each once, whatever it is, and then looked at by a job that asks the provider how things are."""

from collections.abc import Awaitable, Callable, Mapping

from bson import ObjectId

from app.core import changes
from app.core.actor import Actor
from app.core.clock import new_id, now
from app.integrations.payments import About, Notice, PaymentSeen, Stage, Unknown
from app.models import (
    PLATFORM_ID,
    Organization,
    PaymentDifferenceKind,
    PaymentState,
    Provider,
    ProviderEvent,
    ProviderEventDocument,
    ProviderEventState,
)
from app.models.billing.payment_events import ProviderEventReceived
from app.services.billing.paying import (
    checkouts,
    differences,
    disputes,
    payment_methods,
    payout_accounts,
    providers,
    refunds,
    remittances,
    settlement,
)
from app.services.billing.paying.differences import Whose

PLATFORM = Actor.platform()


async def receive(name: Provider, body: bytes, headers: Mapping[str, str]) -> bool:
    """Keep what a webhook tells, with the job that looks at it. Whether it was new.

    Raises BadSignature, NotVerified, Unavailable and TimeoutError.
    """
    notice = await providers.PROVIDERS[name].told(body, headers)
    return await keep(name, notice, body)


async def keep(name: Provider, notice: Notice, body: bytes = b"") -> bool:
    """Keep a notice, once. Whether it was new."""
    made = ProviderEventDocument(
        id=new_id(),
        provider=name,
        event_ref=notice.ref,
        type=notice.type[:200],
        object_ref=notice.object_ref[:200],
        account_ref=notice.account_ref[:200],
        body=body,
        received_at=now(),
    )
    where = ProviderEvent.within(PLATFORM, provider=name.value, event_ref=notice.ref)
    return (await changes.insert_once(made, where, ProviderEventReceived(PLATFORM, received=made.id)))[1]


async def handle(told: ProviderEventReceived) -> None:
    """Look at what a provider has told, again after a failure."""
    row = await ProviderEvent.lookup(PLATFORM, _id=told.received)
    if row is None or row.state is not ProviderEventState.RECEIVED:
        return
    ours = await look(row.provider, about(row.provider, row.type), row.object_ref, row.account_ref)
    state = ProviderEventState.APPLIED if ours else ProviderEventState.PASSED_OVER
    set = {"state": state.value, "handled_at": now()}
    await changes.change(ProviderEvent, ProviderEvent.within(PLATFORM, _id=row.id), {"$set": set})


def about(name: Provider, type: str) -> About:
    """What a type of notices is about."""
    return providers.PROVIDERS[name].about(type)


async def look(name: Provider, about: About, ref: str, account_ref: str = "") -> bool:
    """Ask the provider how a thing is, and note it. Whether the thing is one of ours."""
    how = _LOOKS.get(about)
    if how is None or not ref:
        return False
    try:
        return await how(name, ref, account_ref)
    except Unknown:
        return False  # it is of another environment of the same account, or was deleted


async def _payment(name: Provider, ref: str, _: str) -> bool:
    at = now()
    seen = await providers.offered(name).payment(ref)
    whose = settlement.of_labels(seen.labels)
    row = await settlement.observe(whose[1], whose[0], seen, at) if whose else None
    if row is None and seen.stage is Stage.SUCCEEDED:
        await _unknown(name, seen, whose[0] if whose else None)
    elif row is not None and row.state is PaymentState.SUCCEEDED and row.provider_ref == seen.ref:
        await differences.heal(name, seen.ref)
    return row is not None


async def _unknown(name: Provider, seen: PaymentSeen, seller: Actor | None) -> None:
    """Keep that somebody was charged for nothing that is known here.

    What carries labels of ours and names no payment is for something else; what names an organization that is not here
    is of another environment with the same account.
    """
    if seller is None and seen.labels:
        return
    if seller is not None and not await _is_here(seller):
        return
    whose = Whose(seller.organization_id if seller else None)
    said = f"{seen.amount} {seen.currency}"
    await differences.note(name, PaymentDifferenceKind.UNKNOWN_CHARGE, seen.ref, whose, said)


async def _is_here(seller: Actor) -> bool:
    id = seller.organization_id
    return id == PLATFORM_ID or await Organization.lookup(PLATFORM, _id=id, fields=frozenset()) is not None


async def _page(name: Provider, ref: str, _: str) -> bool:
    at = now()
    page = await providers.offered(name).page_seen(ref)
    row = await settlement.find(page.labels)
    if row is None:
        return False
    if row.page_ref in (None, page.ref):
        await checkouts.observe(Actor.platform(row.organization_id), row, page, at)
    return True


async def _setup(name: Provider, ref: str, _: str) -> bool:
    return await payment_methods.observe_setup(name, await providers.of(name, providers.SETUPS).setup_seen(ref))


async def _method(name: Provider, ref: str, _: str) -> bool:
    ref, at = await payment_methods.full_ref(name, ref), now()
    return await payment_methods.observe(name, await providers.of(name, providers.CHARGES).method(ref), at)


async def _refund(name: Provider, ref: str, _: str) -> bool:
    at = now()
    seen = await providers.offered(name).refund_seen(ref)
    owner = await _owner(name, seen.payment_ref)
    if owner is None:
        return False
    await refunds.observe(*owner, seen, at)
    return True


async def _refunds(name: Provider, ref: str, _: str) -> bool:
    at, owner = now(), await _owner(name, ref)
    if owner is None:
        return False
    for seen in await providers.offered(name).refunds(ref):
        await refunds.observe(*owner, seen, at)
    return True


async def _dispute(name: Provider, ref: str, _: str) -> bool:
    at = now()
    seen = await providers.of(name, providers.DISPUTES).dispute(ref)
    owner = await _owner(name, seen.payment_ref)
    if owner is None:
        return False
    await disputes.observe(*owner, seen, at)
    return True


async def _account(name: Provider, ref: str, _: str) -> bool:
    at = now()
    return await payout_accounts.observe(await providers.of(name, providers.ACCOUNTS).account_seen(ref), at)


async def _payout(name: Provider, ref: str, account_ref: str) -> bool:
    at = now()
    seen = await providers.of(name, providers.PAYOUTS).payout_seen(account_ref, ref)
    organization, id = seen.labels.get("organization", ""), seen.labels.get("remittance", "")
    if not (ObjectId.is_valid(organization) and ObjectId.is_valid(id)):
        return False
    await remittances.observe(Actor.platform(ObjectId(organization)), ObjectId(id), seen, at)
    return True


async def _owner(name: Provider, payment_ref: str) -> tuple[Actor, ObjectId] | None:
    """The seller and the payment of what moved money; how that is, is noted first, for what follows needs it."""
    at = now()
    seen = await providers.offered(name).payment(payment_ref)
    whose = settlement.of_labels(seen.labels)
    if whose is not None:
        await settlement.observe(whose[1], whose[0], seen, at)
    return whose


_LOOKS: Mapping[About, Callable[[Provider, str, str], Awaitable[bool]]] = {
    About.PAYMENT: _payment,
    About.PAGE: _page,
    About.SETUP: _setup,
    About.METHOD: _method,
    About.REFUND: _refund,
    About.REFUNDS: _refunds,
    About.DISPUTE: _dispute,
    About.ACCOUNT: _account,
    About.PAYOUT: _payout,
}
