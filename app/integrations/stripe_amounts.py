"""How Stripe counts money: in minor units, of which some currencies have others there than in ISO 4217.

Source: https://docs.stripe.com/currencies#minor-units
"""

from app.core.money import EXPONENTS
from app.integrations.payments import Refused

_NONE = frozenset(
    ("BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF")
)
_THREE = frozenset(("BHD", "JOD", "KWD", "OMR", "TND"))


def to_stripe(amount: int, currency: str) -> int:
    """Our minor units in Stripe's. Raises Refused for an amount that Stripe cannot move."""
    up, down = _scales(currency)
    scaled, rest = divmod(amount * up, down)
    if rest or (currency in _THREE and scaled % 10):
        raise Refused("amount_not_representable", f"Stripe moves no {amount} of {currency}")
    return scaled


def from_stripe(amount: int, currency: str) -> int:
    """Stripe's minor units in ours. Raises Refused for what ours cannot hold."""
    up, down = _scales(currency)
    scaled, rest = divmod(amount * down, up)
    if rest:
        raise Refused("amount_not_representable", f"{amount} of {currency} at Stripe are no minor units")
    return scaled


def _scales(currency: str) -> tuple[int, int]:
    """By what to multiply and to divide ours."""
    theirs = 0 if currency in _NONE else 3 if currency in _THREE else 2
    difference = theirs - EXPONENTS.get(currency, theirs)
    return (10 ** max(difference, 0), 10 ** max(-difference, 0))
