"""Standard rates of VAT and GST, as data: from which day on, and who says so.

Rates are in basis points. A day begins at midnight by the clock of the country. Reduced rates are not here: what is
sold is services supplied electronically, which have the standard rate everywhere below.

Each rate names the law that it is by, or TEDB, the European Commission's Taxes in Europe Database
(ec.europa.eu/taxation_customs/tedb). They are as known in November 2026, and agree with tables published in 2025.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from zoneinfo import ZoneInfo

EU: frozenset[str] = frozenset(
    (
        "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU",
        "IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
    )
)  # fmt: skip
"""Of the European Union's VAT area, by ISO 3166-1."""
PART_OF: Mapping[str, str] = {"MC": "FR", "IM": "GB"}
"""Territories that belong to the VAT area of a country (Directive 2006/112/EC, Art. 7)."""

CLOCKS: Mapping[str, str] = {
    "AT": "Europe/Vienna",
    "BE": "Europe/Brussels",
    "BG": "Europe/Sofia",
    "CY": "Asia/Nicosia",
    "CZ": "Europe/Prague",
    "DE": "Europe/Berlin",
    "DK": "Europe/Copenhagen",
    "EE": "Europe/Tallinn",
    "ES": "Europe/Madrid",
    "FI": "Europe/Helsinki",
    "FR": "Europe/Paris",
    "GB": "Europe/London",
    "GR": "Europe/Athens",
    "HR": "Europe/Zagreb",
    "HU": "Europe/Budapest",
    "IE": "Europe/Dublin",
    "IN": "Asia/Kolkata",
    "IT": "Europe/Rome",
    "LT": "Europe/Vilnius",
    "LU": "Europe/Luxembourg",
    "LV": "Europe/Riga",
    "MT": "Europe/Malta",
    "NG": "Africa/Lagos",
    "NL": "Europe/Amsterdam",
    "PL": "Europe/Warsaw",
    "PT": "Europe/Lisbon",
    "RO": "Europe/Bucharest",
    "SE": "Europe/Stockholm",
    "SI": "Europe/Ljubljana",
    "SK": "Europe/Bratislava",
}


@dataclass(frozen=True, slots=True)
class TaxRate:
    """The standard rate of a country from a day on, in basis points."""

    country: str
    since: date
    rate: int
    source: str


def _of(country: str, *rates: tuple[str, int, str]) -> list[TaxRate]:
    return [TaxRate(country, date.fromisoformat(since), rate, source) for since, rate, source in rates]


RATES: Sequence[TaxRate] = [
    *_of("AT", ("1984-01-01", 2000, "UStG 1994 § 10 Abs. 1")),
    *_of("BE", ("1996-01-01", 2100, "TEDB; AR no. 20 of 20 July 1970")),
    *_of("BG", ("1999-01-01", 2000, "TEDB; VAT Act Art. 66")),
    *_of("CY", ("2013-01-14", 1800, "TEDB"), ("2014-01-13", 1900, "TEDB")),
    *_of("CZ", ("2013-01-01", 2100, "Act 235/2004 § 47")),
    *_of(
        "DE",
        ("2007-01-01", 1900, "UStG § 12 Abs. 1"),
        ("2020-07-01", 1600, "UStG § 28 Abs. 1, as of 29 June 2020"),
        ("2021-01-01", 1900, "UStG § 12 Abs. 1"),
    ),
    *_of("DK", ("1992-01-01", 2500, "Momsloven § 33")),
    *_of(
        "EE",
        ("2009-07-01", 2000, "KMS § 15"),
        ("2024-01-01", 2200, "KMS § 15, as of 19 June 2023"),
        ("2025-07-01", 2400, "KMS § 15, by the Security Tax Act"),
    ),
    *_of("ES", ("2012-09-01", 2100, "Ley 37/1992 Art. 90")),
    *_of("FI", ("2013-01-01", 2400, "AVL 84 §"), ("2024-09-01", 2550, "AVL 84 §, as of 1 July 2024")),
    *_of("FR", ("2014-01-01", 2000, "CGI Art. 278")),
    *_of("GB", ("2011-01-04", 2000, "VATA 1994 s. 2")),
    *_of("GR", ("2010-07-01", 2300, "TEDB"), ("2016-06-01", 2400, "Law 4389/2016")),
    *_of("HR", ("2012-03-01", 2500, "Zakon o PDV-u čl. 38")),
    *_of("HU", ("2012-01-01", 2700, "Act CXXVII of 2007 § 82")),
    *_of(
        "IE",
        ("2012-01-01", 2300, "VATCA 2010 s. 46"),
        ("2020-09-01", 2100, "Financial Provisions (Covid-19) (No. 2) Act 2020"),
        ("2021-03-01", 2300, "VATCA 2010 s. 46"),
    ),
    *_of("IN", ("2017-07-01", 1800, "Notification 11/2017, Central Tax (Rate): services not named elsewhere")),
    *_of("IT", ("2013-10-01", 2200, "DPR 633/1972 Art. 16")),
    *_of("LT", ("2009-09-01", 2100, "PVM įstatymas 19 str.")),
    *_of(
        "LU",
        ("2015-01-01", 1700, "Loi TVA Art. 39"),
        ("2023-01-01", 1600, "Loi du 26 octobre 2022"),
        ("2024-01-01", 1700, "Loi TVA Art. 39"),
    ),
    *_of("LV", ("2012-07-01", 2100, "PVN likums 41. pants")),
    *_of("MT", ("2004-01-01", 1800, "VAT Act Art. 19")),
    *_of(
        "NG", ("1994-01-01", 500, "VAT Act s. 4"), ("2020-02-01", 750, "Finance Act 2019; Nigeria Tax Act 2025 s. 148")
    ),
    *_of("NL", ("2012-10-01", 2100, "Wet OB 1968 Art. 9")),
    *_of("PL", ("2011-01-01", 2300, "Ustawa o VAT Art. 146aa, 146ef")),
    *_of("PT", ("2011-01-01", 2300, "CIVA Art. 18")),
    *_of("RO", ("2017-01-01", 1900, "Codul fiscal Art. 291"), ("2025-08-01", 2100, "Law 141/2025")),
    *_of("SE", ("1995-01-01", 2500, "Mervärdesskattelagen (2023:200) 9 kap. 2 §")),
    *_of("SI", ("2013-07-01", 2200, "ZDDV-1 41. člen")),
    *_of("SK", ("2011-01-01", 2000, "Act 222/2004 § 27"), ("2025-01-01", 2300, "Act 278/2024")),
]
"""By country, the oldest first."""

_BY_COUNTRY = {country: list(rates) for country, rates in groupby(RATES, key=lambda one: one.country)}


def area(country: str) -> str:
    """The country whose tax a territory has."""
    return PART_OF.get(country, country)


def standard(country: str, moment: datetime) -> TaxRate | None:
    """The standard rate of a country at a moment; None where it is not known, or was not then."""
    rates = _BY_COUNTRY.get(country)
    if rates is None:
        return None
    day = moment.astimezone(ZoneInfo(CLOCKS[country])).date()
    return next((one for one in reversed(rates) if one.since <= day), None)
