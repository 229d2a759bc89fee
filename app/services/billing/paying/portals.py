"""Pages of the provider's on which customers see to what is theirs there."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from app.core import changes
from app.core.actor import Actor
from app.core.commands import Command
from app.core.rows import Value
from app.models import CustomerKind
from app.services.billing.paying import checkouts, customers, payout_accounts, providers


class PageReturn(Command):
    """In whose name, and where the browser comes back to."""

    customer_kind: CustomerKind = CustomerKind.PERSON
    return_url: Annotated[str, Field(max_length=2_000, description="A page of an origin of ours.")]
    provider: providers.By = None


@dataclass(slots=True)
class ProviderPage(Value):
    """A page; none in a rehearsal."""

    url: str | None


async def billing(actor: Actor, given: PageReturn) -> ProviderPage:
    """The page on which a customer sees to their methods. Raises Forbidden, Invalid, Unavailable."""
    checkouts.check_address(given.return_url, "returnUrl")
    customer, name = customers.buying(actor, given.customer_kind), providers.chosen(given.provider, providers.PORTALS)
    provider = providers.of(name, providers.PORTALS)
    if changes.rehearsing():
        return ProviderPage(None)

    async def page() -> str:
        return await provider.portal(await customers.provider_ref(customer, name), given.return_url)

    return ProviderPage(await providers.ask(page))


async def onboarding(actor: Actor, given: PageReturn) -> ProviderPage:
    """The page on which one says who one is, to be sent money. Raises Forbidden, Invalid, Unavailable."""
    checkouts.check_address(given.return_url, "returnUrl")
    holder, name = customers.buying(actor, given.customer_kind), providers.chosen(given.provider, providers.ACCOUNTS)
    provider = providers.of(name, providers.ACCOUNTS)
    if changes.rehearsing():
        return ProviderPage(None)

    async def page() -> str:
        account = await payout_accounts.opened(holder, name)
        return await provider.onboarding(account.provider_ref, given.return_url)

    return ProviderPage(await providers.ask(page))
