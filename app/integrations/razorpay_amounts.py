"""How Razorpay counts money: in the minor units of ISO 4217, the last of three digits being a zero.

Which other currencies without two digits it moves, and how it counts them, it does not say: they are refused.
Source: https://razorpay.com/docs/api/orders/entity
"""

from app.core.money import EXPONENTS
from app.integrations.payments import Refused

_OTHERS = frozenset(("JPY", "KWD", "BHD", "OMR"))
"""Those of which it says how it counts them, and that have other than two digits."""


def checked(amount: int, currency: str) -> int:
    """The same number. Raises Refused for an amount that Razorpay cannot move, or may count otherwise."""
    digits = EXPONENTS.get(currency)
    if (digits != 2 and currency not in _OTHERS) or (digits == 3 and amount % 10):
        raise Refused("amount_not_representable", f"Razorpay moves no {amount} of {currency}")
    return amount
