"""How PayPal writes money: as decimals, with two digits after the point, or none in a few currencies.

Source: https://developer.paypal.com/api/rest/reference/currency-codes
"""

from decimal import Decimal, InvalidOperation
from typing import Any

from app.core.money import EXPONENTS
from app.integrations.payments import Refused

_WHOLE = frozenset(("HUF", "JPY", "TWD"))
_DIGITS = {
    code: 0 if code in _WHOLE else 2
    for code in (
        "AUD", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "EUR", "GBP", "HKD", "HUF", "ILS", "JPY", "MXN", "MYR", "NOK",
        "NZD", "PHP", "PLN", "SEK", "SGD", "THB", "TWD", "USD",
    )
}  # fmt: skip
"""By its code, how many digits after the point PayPal takes of a currency; of others it moves nothing."""


def to_paypal(amount: int, currency: str) -> dict[str, str]:
    """Our minor units as PayPal writes them. Raises Refused for what PayPal cannot move."""
    digits = _digits(currency)
    scaled, rest = divmod(amount, 10 ** (EXPONENTS[currency] - digits))
    if rest or amount <= 0:
        raise Refused("amount_not_representable", f"PayPal moves no {amount} of {currency}")
    return {"currency_code": currency, "value": str(Decimal(scaled).scaleb(-digits))}


def from_paypal(money: Any) -> tuple[int, str]:
    """Our minor units, and of which currency. Raises Refused for what ours cannot hold."""
    value, currency = str(money["value"]), str(money["currency_code"])
    _digits(currency)
    try:
        scaled = Decimal(value).scaleb(EXPONENTS[currency])
        amount = int(scaled)
    except (InvalidOperation, ValueError, OverflowError):
        raise Refused("amount_not_representable", f"{value} is no amount") from None
    if amount != scaled:
        raise Refused("amount_not_representable", f"{value} of {currency} is no number of minor units")
    return amount, currency


def _digits(currency: str) -> int:
    digits = _DIGITS.get(currency)
    if digits is None:
        raise Refused("currency_not_supported", f"PayPal moves no {currency}")
    return digits
