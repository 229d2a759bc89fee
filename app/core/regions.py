"""Languages, countries, currencies and time zones that there are: what people and organizations choose from."""

from datetime import UTC, datetime
from functools import cache
from typing import Annotated
from zoneinfo import available_timezones

from babel import Locale as KnownLocale
from babel import UnknownLocaleError
from babel.core import get_global
from babel.numbers import get_territory_currencies
from pydantic import AfterValidator, Field

from app.core.words import words


@cache
def currencies() -> frozenset[str]:
    """The codes of ISO 4217 that are legal tender somewhere, as of this process's start."""
    today = datetime.now(UTC).date()
    territories = get_global("territory_currencies")
    return frozenset(code for one in territories for code in get_territory_currencies(one, start_date=today))


@cache
def time_zones() -> frozenset[str]:
    """The names of the IANA database."""
    return frozenset(name for name in available_timezones() if "/" in name or name == "UTC")


def _locale(value: str) -> str:
    try:
        found = KnownLocale.parse(value, sep="-")
    except (ValueError, UnknownLocaleError):
        raise ValueError("There is no such locale: give a tag such as en, pt-BR or zh-Hant.") from None
    return str(found).replace("_", "-")


def _currency(value: str) -> str:
    if value not in currencies():
        raise ValueError("There is no such currency: give its code of ISO 4217, such as EUR.")
    return value


def _time_zone(value: str) -> str:
    if value not in time_zones():
        raise ValueError("There is no such time zone: give its name in the IANA database, such as Europe/Paris.")
    return value


def _country(value: str) -> str:
    if value not in get_global("territory_currencies"):
        raise ValueError(words("There is no such country: give its code of ISO 3166, such as NG."))
    return value


Locale = Annotated[
    str, Field(min_length=2, max_length=35), AfterValidator(_locale), Field(description="BCP 47, such as pt-BR.")
]
Currency = Annotated[
    str, Field(min_length=3, max_length=3), AfterValidator(_currency), Field(description="ISO 4217, such as EUR.")
]
Country = Annotated[
    str, Field(pattern=r"^[A-Z]{2}$"), AfterValidator(_country), Field(description="ISO 3166-1, such as NG.")
]
TimeZone = Annotated[
    str,
    Field(min_length=3, max_length=50),
    AfterValidator(_time_zone),
    Field(description="IANA, such as Europe/Paris."),
]
