"""Stripe's cards for tests, and what happens to who pays by them. Source: https://docs.stripe.com/testing

Stripe has none for `pm_card_asksWhoIsAway`. A confirmation may end in `requires_action`, whoever asks for it:
https://docs.stripe.com/payments/paymentintents/lifecycle
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Card:
    """`code` and `decline_code` are those of a decline; `secure` says when the bank wants to know who it is."""

    number: str
    brand: str = "visa"
    code: str | None = None
    decline_code: str | None = None
    secure: str = "never"
    """never, always, once (when the card is saved), or away: then a charge of who is away waits for them."""
    disputed: bool = False
    refunds: str = "succeeded"
    """What becomes of a refund at first."""

    @property
    def last4(self) -> str:
        return self.number[-4:]


def _declined(number: str, decline_code: str, code: str = "card_declined") -> Card:
    return Card(number, code=code, decline_code=decline_code)


CARDS = {
    "pm_card_visa": Card("4242424242424242"),
    "pm_card_mastercard": Card("5555555555554444", "mastercard"),
    "pm_card_amex": Card("378282246310005", "amex"),
    "pm_card_visa_chargeDeclined": _declined("4000000000000002", "generic_decline"),
    "pm_card_chargeDeclined": _declined("4000000000000002", "generic_decline"),
    "pm_card_chargeDeclinedInsufficientFunds": _declined("4000000000009995", "insufficient_funds"),
    "pm_card_chargeDeclinedLostCard": _declined("4000000000009987", "lost_card"),
    "pm_card_chargeDeclinedStolenCard": _declined("4000000000009979", "stolen_card"),
    "pm_card_chargeDeclinedExpiredCard": _declined("4000000000000069", "expired_card", "expired_card"),
    "pm_card_chargeDeclinedProcessingError": _declined("4000000000000119", "processing_error", "processing_error"),
    "pm_card_chargeCustomerFail": _declined("4000000000000341", "generic_decline"),
    "pm_card_authenticationRequired": Card("4000002760003184", secure="always"),
    "pm_card_authenticationRequiredOnSetup": Card("4000002500003155", secure="once"),
    "pm_card_asksWhoIsAway": Card("4000000000003220", secure="away"),
    "pm_card_createDispute": Card("4000000000000259", disputed=True),
    "pm_card_pendingRefund": Card("4000000000007726", refunds="pending"),
    "pm_card_refundFail": Card("4000000000005126", refunds="failing"),
}
REFUSED_AT_ONCE = frozenset(name for name, card in CARDS.items() if card.code) - {"pm_card_chargeCustomerFail"}
"""Cards that cannot be saved either."""
BY_NUMBER = {card.number: name for name, card in CARDS.items()}
