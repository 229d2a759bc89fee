"""What providers of payments are told and answer, in the words of none of them. Amounts are in minor units."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from app.core.jobs import Permanent

Labels = Mapping[str, str]
"""What of ours a thing at a provider belongs to: `organization` who sells, and `payment`, `refund`, ..., by their ids.
"""

PREFIX = "atrium_"
"""Of our labels among what a provider keeps beside a thing."""


def tags(labels: Labels) -> dict[str, str]:
    """Labels as a provider keeps them."""
    return {PREFIX + name: value for name, value in labels.items()}


def labels_in(found: Any) -> Labels:
    """Our labels among what a provider keeps beside a thing; it may say so of nothing by a list."""
    return {
        name.removeprefix(PREFIX): str(value) for name, value in dict(found or {}).items() if name.startswith(PREFIX)
    }


NOTE = "atrium:"
"""What our labels begin with where a provider keeps one line of text beside a thing."""


def noted(labels: Labels) -> str:
    """Labels in a line: those of a refund, which are the longest, take 109 characters."""
    return NOTE + ",".join(f"{name}={value}" for name, value in labels.items())


def noted_in(text: Any) -> Labels:
    """Our labels in a line; none in what is not ours."""
    found = str(text or "")
    if not found.startswith(NOTE):
        return {}
    return dict(pair.split("=", 1) for pair in found.removeprefix(NOTE).split(",") if "=" in pair)


class Refused(Permanent):
    """The provider will not do this in any attempt; `code` says why in its words."""

    def __init__(self, code: str, reason: str = "") -> None:
        super().__init__(f"{code}: {reason}" if reason else code)
        self.code = code


class Unknown(Refused):
    """The provider has no such thing."""


class NoAnswer(Exception):
    """Nobody can say whether the provider has done it."""


class BadSignature(Exception):
    """The provider has not signed this, or not now."""


class NotVerified(Exception):
    """Whether the provider has signed this cannot be told at present."""


class Stage(StrEnum):
    """How far something is at a provider."""

    OPEN = "open"
    APPROVED = "approved"
    """The customer has agreed to it on a page, and it is for us to take."""
    PROCESSING = "processing"
    REQUIRES_ACTION = "requires_action"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class MethodKind(StrEnum):
    """What can be saved."""

    CARD = "card"
    UPI = "upi"
    """A mandate of UPI AutoPay."""


class About(StrEnum):
    """What a notice is about."""

    PAYMENT = "payment"
    PAGE = "page"
    SETUP = "setup"
    METHOD = "method"
    REFUND = "refund"
    REFUNDS = "refunds"
    """Those of a payment."""
    DISPUTE = "dispute"
    ACCOUNT = "account"
    PAYOUT = "payout"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Something to be paid by a customer."""

    amount: int
    currency: str
    description: str
    labels: Labels
    customer_ref: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentSeen:
    """What moves, or is to move, the money of a payment."""

    ref: str
    stage: Stage
    amount: int
    currency: str
    labels: Labels
    code: str | None = None
    """Why it was declined."""
    hard: bool = False
    """Whether the same method would be declined again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageSeen:
    """A page of the provider's on which a customer pays, and what moves the money, once it is there.

    One that is cancelled is over and nobody has paid; one that has failed is over with what was tried on it.
    """

    ref: str
    url: str | None
    stage: Stage
    labels: Labels
    payment_ref: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupSeen:
    """That a customer saves a method; by `secret` their browser does it."""

    ref: str
    stage: Stage
    labels: Labels
    secret: str = field(default="", repr=False)
    method_ref: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodSeen:
    """What can be charged. `labels` are its customer's, empty where it has none any more."""

    ref: str
    brand: str
    last4: str
    expires_month: int
    expires_year: int
    attached: bool
    labels: Labels


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundSeen:
    ref: str
    payment_ref: str
    stage: Stage
    amount: int
    currency: str
    labels: Labels
    code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeSeen:
    """Succeeded if the seller has won it."""

    ref: str
    payment_ref: str
    stage: Stage
    amount: int
    currency: str
    reason: str
    due_at: datetime | None = None
    """By when the seller may answer, where there is such a moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSeen:
    """Whom money can be sent to, when it has succeeded."""

    ref: str
    stage: Stage
    labels: Labels


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where somebody wants to be sent money: an account at the branch of an Indian bank (IFSC), or a UPI address."""

    name: str
    """Of the account's holder, as the bank has it."""
    account_number: str = field(default="", repr=False)
    ifsc: str = ""
    vpa: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutSeen:
    """Money on its way to a bank."""

    ref: str
    stage: Stage
    labels: Labels
    code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """That something has happened to a thing. It says nothing of how the thing is now."""

    ref: str
    type: str
    object_ref: str
    account_ref: str = ""
    at: datetime
