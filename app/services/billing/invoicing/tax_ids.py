"""Tax ids: whether one can be right, by its form and its check digits. Nobody is asked."""

import re
from collections.abc import Mapping
from typing import Any

from stdnum import get_cc_module, luhn
from stdnum.exceptions import ValidationError
from stdnum.in_ import pan
from stdnum.util import clean

from app.core.errors import Invalid
from app.services.billing.invoicing.tax_rates import EU, area
from app.services.billing.invoicing.tax_regions import INDIA, STATES

PREFIXES: Mapping[str, str] = {"GR": "EL"}
"""What a country's ids begin with in the European Union, where that is not its code."""
FORMS: Mapping[str, str] = {"NG": r"[0-9]{8}-?[0-9]{4}|[0-9]{10}|[0-9]{13}"}
"""Of ids without check digits. Nigeria: of the FIRS, of the Joint Tax Board, and of the Nigeria Tax Administration Act
2025."""
GSTIN = re.compile(r"(?P<state>[0-9]{2})(?P<pan>[A-Z]{5}[0-9]{4}[A-Z])[1-9A-Z]Z[0-9A-Z]")
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
"""By which the check digit of a GSTIN is worked out."""
LONGEST = 30


class BadTaxId(Invalid):
    """No tax id of the country is like this."""

    code = "TAX_ID_INVALID"


class UncheckedTaxId(Invalid):
    """It is not known here what tax ids of the country are like."""

    code = "TAX_ID_UNCHECKED"


def checked(country: str, tax_id: str, region: str | None = None) -> str:
    """The tax id of somebody in a country as its country writes it, without blanks; with its prefix in the Union.

    Raises BadTaxId, also for India's of another state than `region`, and UncheckedTaxId.
    """
    path, country = ["input", "taxId"], area(country)
    if country == INDIA:
        return _gstin(tax_id, region)
    if form := FORMS.get(country):
        plain = tax_id.replace(" ", "").upper()
        if re.fullmatch(form, plain) is None:
            raise _bad(country)
        return plain
    module: Any = get_cc_module(country.lower(), "vat")
    if module is None:
        raise UncheckedTaxId("Tax ids of {country} cannot be checked here: leave it out.", path=path, country=country)
    try:
        compact = str(module.validate(tax_id[:LONGEST]))
    except ValidationError:
        raise _bad(country) from None
    if country not in EU:
        return compact
    prefix = PREFIXES.get(country, country)
    return prefix + compact.removeprefix(prefix)


def _gstin(tax_id: str, region: str | None) -> str:
    """India's: a state's code, a PAN, which registration of it, and a check digit. stdnum's own check does not know
    Ladakh and Other Territory.
    """
    compact = clean(tax_id[:LONGEST], " -").upper()
    match = GSTIN.fullmatch(compact)
    if match is None or match["state"] not in STATES:
        raise _bad(INDIA)
    if not pan.is_valid(match["pan"]) or not luhn.is_valid(compact, DIGITS):
        raise _bad(INDIA)
    if region is not None and match["state"] != region:
        path = ["input", "taxId"]
        raise BadTaxId("This tax id is of another state than “{region}”.", path=path, region=region)
    return compact


def _bad(country: str) -> BadTaxId:
    return BadTaxId("This is not a tax id of {country}: look at it again.", path=["input", "taxId"], country=country)
