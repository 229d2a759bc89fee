"""What may be sent to PayPal, as its reference says: names, whether they are needed (`!`), and how long a value may be.

Sources: https://developer.paypal.com/docs/api/orders/v2, https://developer.paypal.com/docs/api/payments/v2
"""

import re
from collections.abc import Mapping
from typing import Any

from tests.paypal.state import Refusal

MONEY: Mapping[str, Any] = {"currency_code!": 3, "value!": 32}
UNIT = {
    "reference_id": 256,
    "amount!": MONEY,
    "description": 3_000,
    "custom_id": 127,
    "invoice_id": 127,
    "soft_descriptor": 22,
}
CREDENTIAL = {"payment_initiator!": 255, "usage": 255, "usage_pattern": 255}
WALLET = {
    "vault_id": 255,
    "experience_context": {
        "return_url": 4_000,
        "cancel_url": 4_000,
        "user_action": 8,
        "shipping_preference": 24,
        "brand_name": 127,
        "locale": 10,
        "landing_page": 13,
    },
    "attributes": {
        "customer": {"id": 22, "merchant_customer_id": 64},
        "vault": {
            "store_in_vault": 255,
            "usage_type!": 255,
            "customer_type": 255,
            "usage_pattern": 30,
            "description": 128,
            "permit_multiple_payment_tokens": bool,
        },
    },
    "stored_credential": CREDENTIAL,
}
SHAPES: Mapping[str, Mapping[str, Any]] = {
    "order": {"intent!": 20, "purchase_units!": [UNIT], "payment_source": {"paypal": WALLET}},
    "capture": {"payment_source": {"paypal": WALLET, "token": {"id!": 255, "type!": 255}}},
    "refund": {"amount": MONEY, "custom_id": 127, "invoice_id": 127, "note_to_payer": 255},
    "events": {"page_size": 3, "start_time": 64, "end_time": 64, "event_type": 255, "transaction_id": 255, "from": 10},
    "": {},
}
WHOLE = ("HUF", "JPY", "TWD")
CURRENCIES = frozenset(
    (
        "AUD", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "EUR", "GBP", "HKD", "HUF", "ILS", "JPY", "MXN", "MYR", "NOK",
        "NZD", "PHP", "PLN", "SEK", "SGD", "THB", "TWD", "USD",
    )
)  # fmt: skip
_CUSTOMER = re.compile(r"[0-9a-zA-Z-_.^*$@#]+")


def check(given: Mapping[str, Any], shape: Mapping[str, Any], at: str = "") -> None:
    """Refuse what a call does not know, lacks, or has too much of."""
    known = {name.rstrip("!"): (name.endswith("!"), rule) for name, rule in shape.items()}
    for name in given.keys() - known.keys():
        raise Refusal("INVALID_PARAMETER_SYNTAX", status=400, field=f"{at}/{name}")
    for name, (needed, rule) in known.items():
        place = f"{at}/{name}"
        if name not in given:
            if needed:
                raise Refusal("MISSING_REQUIRED_PARAMETER", status=400, field=place)
            continue
        value = given[name]
        if isinstance(rule, Mapping):
            check(value, rule, place)
        elif isinstance(rule, list):
            for n, part in enumerate(value):
                check(part, rule[0], f"{place}/{n}")
        elif rule is bool:
            if not isinstance(value, bool):
                raise Refusal("INVALID_PARAMETER_SYNTAX", status=400, field=place)
        elif not isinstance(value, str) or not 1 <= len(value) <= rule:
            raise Refusal("INVALID_STRING_LENGTH", status=400, field=place)
        if name == "merchant_customer_id" and not _CUSTOMER.fullmatch(value):
            raise Refusal("INVALID_PARAMETER_SYNTAX", status=400, field=place)
    if "currency_code" in known and given:
        _check_money(given)


def _check_money(money: Mapping[str, Any]) -> None:
    currency, value = money["currency_code"], money["value"]
    if currency not in CURRENCIES:
        raise Refusal("CURRENCY_NOT_SUPPORTED")
    if not re.fullmatch(r"\d+" if currency in WHOLE else r"\d+(\.\d{1,2})?", value):
        raise Refusal("DECIMAL_PRECISION")
    if not value.strip("0."):
        raise Refusal("CANNOT_BE_ZERO_OR_NEGATIVE")
