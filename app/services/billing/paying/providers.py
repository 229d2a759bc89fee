"""Who moves the money: one port, behind which each provider stands as a module of `integrations`.

What a provider says of a thing is asked for anew whenever something may have happened to it. `key` makes a repeated
call harmless. All amounts are in minor units of ISO 4217.
"""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Protocol, TypeVar

from pydantic import Field

from app.core import changes
from app.core.errors import Invalid, Unavailable
from app.integrations import coinbase, paypal, razorpay, razorpay_payouts, stripe
from app.integrations.payments import (
    About,
    AccountSeen,
    Destination,
    DisputeSeen,
    Labels,
    MethodKind,
    MethodSeen,
    Notice,
    Order,
    PageSeen,
    PaymentSeen,
    PayoutSeen,
    RefundSeen,
    Refused,
    SetupSeen,
)
from app.models import Provider

T = TypeVar("T")
P = TypeVar("P", bound="Part")


class PaymentRefused(Invalid):
    """The provider will not take this payment."""

    code = "PAYMENT_REFUSED"


class NotOffered(Unavailable):
    """Nobody has set this provider up here."""

    code = "PROVIDER_NOT_OFFERED"


class NotSupported(Unavailable):
    """The provider has nothing of the kind."""

    code = "NOT_SUPPORTED_BY_PROVIDER"


class Part(Protocol):
    """What a provider can do, if it is set up for that."""

    def configured(self) -> bool: ...


class PaymentProvider(Part, Protocol):
    """What every provider can do: pages on which one pays, and giving back.

    Each call may raise Refused, Away, TimeoutError or errors of its own, which may pass.
    """

    PAGES_SAVE: bool
    """Whether a method can be kept on a page."""

    async def customer(self, labels: Labels, key: str) -> str: ...
    async def page(self, order: Order, success_url: str, cancel_url: str, *, save: bool, key: str) -> PageSeen: ...
    async def page_seen(self, ref: str) -> PageSeen: ...
    async def close_page(self, ref: str) -> PageSeen: ...
    async def payment(self, ref: str) -> PaymentSeen: ...
    async def refund(self, payment_ref: str, amount: int, currency: str, labels: Labels, key: str) -> RefundSeen: ...
    async def refund_seen(self, ref: str) -> RefundSeen: ...
    async def refunds(self, payment_ref: str) -> list[RefundSeen]: ...
    async def notices(self, since: datetime) -> list[Notice]: ...
    def about(self, type: str) -> About: ...
    async def told(self, body: bytes, headers: Mapping[str, str]) -> Notice: ...


class ChargingProvider(PaymentProvider, Protocol):
    """Takes money of a customer who is away, or has agreed to it on a page."""

    REPEATS: bool
    """Whether `confirm` may be called again when its answer was lost; one that has no keys would charge again."""

    async def method(self, ref: str) -> MethodSeen: ...
    async def forget_method(self, ref: str) -> None: ...
    async def prepare(self, order: Order, method_ref: str, key: str) -> PaymentSeen: ...
    async def confirm(self, ref: str, key: str) -> PaymentSeen: ...
    async def cancel(self, ref: str) -> PaymentSeen: ...


class SetupProvider(ChargingProvider, Protocol):
    """Saves methods of customers who pay for nothing."""

    SAVES: Sequence[MethodKind]
    """What is saved; the first where none is named."""

    async def setup(self, customer_ref: str, kind: MethodKind, labels: Labels, key: str) -> SetupSeen: ...
    async def setup_seen(self, ref: str) -> SetupSeen: ...


class DisputeProvider(PaymentProvider, Protocol):
    """Has payments that can be disputed."""

    async def dispute(self, ref: str) -> DisputeSeen: ...


class PortalProvider(PaymentProvider, Protocol):
    """Has a page on which customers see to their methods."""

    async def portal(self, customer_ref: str, return_url: str) -> str: ...


class PayoutProvider(Part, Protocol):
    """Sends money to somebody's bank."""

    async def payout(self, account_ref: str, amount: int, currency: str, labels: Labels, key: str) -> PayoutSeen: ...
    async def payout_seen(self, account_ref: str, ref: str) -> PayoutSeen: ...


class AccountProvider(PayoutProvider, Protocol):
    """Sends it from accounts that others have there, who say there who they are, and into which it is moved before."""

    async def account(self, labels: Labels, key: str) -> AccountSeen: ...
    async def account_seen(self, ref: str) -> AccountSeen: ...
    async def onboarding(self, ref: str, return_url: str) -> str: ...
    async def transfer(self, account_ref: str, amount: int, currency: str, labels: Labels, key: str) -> str: ...
    async def take_back(self, transfer_ref: str, key: str) -> None: ...


class DestinationProvider(PayoutProvider, Protocol):
    """Sends it straight from our account there, to banks that it is told by us."""

    async def destination(self, labels: Labels, to: Destination, key: str) -> AccountSeen: ...
    async def notices(self, since: datetime) -> list[Notice]: ...


PROVIDERS: Mapping[Provider, PaymentProvider] = {
    Provider.STRIPE: stripe,
    Provider.RAZORPAY: razorpay,
    Provider.PAYPAL: paypal,
    Provider.COINBASE: coinbase,
}
"""The first that is set up is meant where none is named."""
CHARGES: Mapping[Provider, ChargingProvider] = {
    Provider.STRIPE: stripe,
    Provider.RAZORPAY: razorpay,
    Provider.PAYPAL: paypal,
}
SETUPS: Mapping[Provider, SetupProvider] = {Provider.STRIPE: stripe, Provider.RAZORPAY: razorpay}
DISPUTES: Mapping[Provider, DisputeProvider] = {
    Provider.STRIPE: stripe,
    Provider.RAZORPAY: razorpay,
    Provider.PAYPAL: paypal,
}
PORTALS: Mapping[Provider, PortalProvider] = {Provider.STRIPE: stripe}
ACCOUNTS: Mapping[Provider, AccountProvider] = {Provider.STRIPE: stripe}
DESTINATIONS: Mapping[Provider, DestinationProvider] = {Provider.RAZORPAY: razorpay_payouts}
PAYOUTS: Mapping[Provider, PayoutProvider] = {**ACCOUNTS, **DESTINATIONS}


By = Annotated[Provider | None, Field(description="The first that is set up, Stripe before others, if it is left out.")]


def configured() -> list[Provider]:
    """Those that are set up here."""
    return [name for name, provider in PROVIDERS.items() if provider.configured()]


def able(among: Mapping[Provider, Part]) -> list[Provider]:
    """Those that are set up here for something."""
    return [name for name in configured() if name in among and among[name].configured()]


def chosen(name: Provider | None, among: Mapping[Provider, Part] = PROVIDERS) -> Provider:
    """The provider that is named, or the first of those that are set up. Raises NotOffered, NotSupported for a name."""
    if name is not None:
        of(name, among)
        return name
    return next(iter(able(among)), next(iter(among)))


def offered(name: Provider) -> PaymentProvider:
    """The provider. Raises NotOffered."""
    return of(name, PROVIDERS)


def of(name: Provider, among: Mapping[Provider, P]) -> P:
    """The provider, if it is one of those that can do something. Raises NotOffered, NotSupported."""
    if name not in configured():
        raise NotOffered("One cannot pay by this here.")
    if name not in among:
        raise NotSupported("This provider cannot do that.")
    if not among[name].configured():
        raise NotOffered("This provider is not set up here to send money.")
    return among[name]


async def notices(name: Provider, since: datetime) -> list[Notice]:
    """What a provider says has happened since a moment, the newest first. Raises NotOffered."""
    found = await offered(name).notices(since)
    if name in able(DESTINATIONS):
        found += await DESTINATIONS[name].notices(since)
    return sorted(found, key=lambda one: one.at, reverse=True)


def kind_of(name: Provider, kind: MethodKind | None) -> MethodKind:
    """What is to be saved at a provider. Raises NotOffered, NotSupported."""
    saves = of(name, SETUPS).SAVES
    if kind is not None and kind not in saves:
        raise NotSupported("This provider cannot do that.")
    return kind or saves[0]


def check_saving(name: Provider, *, wanted: bool) -> None:
    """Raises NotSupported where a method is to be kept and the pages of the provider keep none."""
    if wanted and not PROVIDERS[name].PAGES_SAVE:
        raise NotSupported("No method can be kept on this provider's page. Save one before.")


async def ask(call: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """What a provider answers somebody who waits for it, outside of any scope. Raises PaymentRefused."""
    try:
        return await changes.apart(call)
    except Refused as error:
        raise PaymentRefused("The provider refuses this payment: {reason}.", reason=error.code) from error
