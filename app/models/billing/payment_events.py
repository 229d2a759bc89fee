"""What happens to payments. Each is in the payment's own feed, and in that of the organization that sells."""

from collections.abc import Iterable
from dataclasses import dataclass

from bson import ObjectId

from app.core.changes import Event, OfUser


@dataclass(frozen=True, kw_only=True)
class PaymentEvent(Event):
    payment: ObjectId
    reference: str
    """What is paid for, as who asked for it has named it."""

    def feeds(self) -> Iterable[str]:
        return [f"pay:{self.payment}"]


@dataclass(frozen=True, kw_only=True)
class ChargeAsked(PaymentEvent):
    """A provider is to charge the customer's saved method."""


@dataclass(frozen=True, kw_only=True)
class PaymentCancelAsked(PaymentEvent):
    """A provider is to let a payment never be made."""


@dataclass(frozen=True, kw_only=True)
class PaymentMoved(PaymentEvent):
    """It was begun, waits for something, or was cancelled; how it ended otherwise has an event of its own."""

    state: str


@dataclass(frozen=True, kw_only=True)
class PaymentSucceeded(PaymentEvent):
    """The money has come in: it is in the account `clearing:payments` of the seller's book, by the key `payment:<id>`.

    Whoever owns the reference moves it to where it belongs, by the key `applied:<payment>`.
    """

    customer_kind: str
    customer: ObjectId
    amount: int
    currency: str


@dataclass(frozen=True, kw_only=True)
class PaymentFailed(PaymentEvent):
    hard: bool
    """Whether the same method would be declined again."""
    code: str


@dataclass(frozen=True, kw_only=True)
class RefundAsked(PaymentEvent):
    """A provider is to give money back."""

    refund: ObjectId


@dataclass(frozen=True, kw_only=True)
class PaymentRefunded(PaymentEvent):
    """Money has gone back, out of the account `clearing:payments`, by the key `refund:<id>`."""

    refund: ObjectId
    amount: int
    currency: str


@dataclass(frozen=True, kw_only=True)
class RefundFailed(PaymentEvent):
    """Nothing has gone back, after all."""

    refund: ObjectId
    amount: int
    currency: str
    code: str


@dataclass(frozen=True, kw_only=True)
class PaymentDisputed(PaymentEvent):
    """The customer's bank has taken the money back until it is decided: nothing is booked before."""

    dispute: ObjectId
    amount: int
    currency: str


@dataclass(frozen=True, kw_only=True)
class DisputeClosed(PaymentEvent):
    """What is lost has gone out of the account `clearing:payments`, by the key `dispute:<id>`."""

    dispute: ObjectId
    won: bool
    amount: int
    currency: str


@dataclass(frozen=True, kw_only=True)
class PaymentMethodsChanged(OfUser, Event):
    """A customer has saved, removed or chosen a method; `user` is the customer, organization or person."""

    method: ObjectId


@dataclass(frozen=True, kw_only=True)
class PaymentMethodRemovalAsked(Event):
    """The provider is to forget a method."""

    method: ObjectId


@dataclass(frozen=True, kw_only=True)
class PayOutAsked(Event):
    """A provider is to send money to somebody's account."""

    remittance: ObjectId
    reference: str


@dataclass(frozen=True, kw_only=True)
class PayoutSettled(Event):
    """Money has arrived at somebody's bank. Nothing was booked: who asked for it books it."""

    payout_ref: str
    """How the provider calls it."""
    reference: str


@dataclass(frozen=True, kw_only=True)
class PayoutFailed(Event):
    """Money could not be sent, or came back: it is where it was."""

    reference: str
    code: str


@dataclass(frozen=True, kw_only=True)
class PayoutAccountChanged(OfUser, Event):
    """Somebody can, or can no longer, be sent money; `user` is the holder, organization or person."""

    account: ObjectId
    state: str


@dataclass(frozen=True, kw_only=True)
class ProviderEventReceived(Event):
    """A provider has told something, which is to be looked at."""

    audited = False

    received: ObjectId


@dataclass(frozen=True, kw_only=True)
class PaymentDifferenceSeenTo(Event):
    """Staff has seen to what a provider had otherwise than it was kept here."""

    difference: ObjectId

    def feeds(self) -> Iterable[str]:
        return ["platform"]
