"""Tax ids: whether one can be right, by its form and its check digits. Nobody is asked."""

import re
from collections.abc import Mapping
from typing import Any

from stdnum import get_cc_module
from stdnum.exceptions import ValidationError

from app.core.errors import Invalid
from app.services.billing.tax_rates import EU, area

PREFIXES: Mapping[str, str] = {"GR": "EL"}
"""What a country's ids begin with in the European Union, where that is not its code."""
FORMS: Mapping[str, str] = {"NG": r"[0-9]{8}-?[0-9]{4}|[0-9]{10}|[0-9]{13}"}
"""Of ids without check digits. Nigeria: of the FIRS, of the Joint Tax Board, and of the Nigeria Tax Administration Act
2025."""
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
    if country == "IN" and region is not None and compact[:2] != region:
        raise BadTaxId("This tax id is of another state than “{region}”.", path=path, region=region)
    if country not in EU:
        return compact
    prefix = PREFIXES.get(country, country)
    return prefix + compact.removeprefix(prefix)


def _bad(country: str) -> BadTaxId:
    return BadTaxId("This is not a tax id of {country}: look at it again.", path=["input", "taxId"], country=country)
