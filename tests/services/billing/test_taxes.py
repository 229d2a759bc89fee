"""BIL-11: which tax is due on a sale, by the laws that say so."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.models import InvoiceExemption, TaxPart
from app.services.billing.invoicing import tax_ids, tax_rates
from app.services.billing.invoicing.tax_ids import BadTaxId, UncheckedTaxId
from app.services.billing.invoicing.tax_rates import CLOCKS, EU, RATES
from app.services.billing.invoicing.taxes import Exemption, Party, Tax, TaxReason, rate_for

NOW = datetime(2026, 11, 1, tzinfo=UTC)
DE, FR = Party("DE", tax_id="DE136695976"), Party("FR", tax_id="FR40303265045")
NG, GB = Party("NG", tax_id="12345678-0001"), Party("GB", tax_id="980780684")
KARNATAKA, DELHI = Party("IN", "29", "29AAPFU0939F1ZR"), Party("IN", "07")
CHANDIGARH = Party("IN", "04", "04AAPFU0939F1Z3")

STANDARD_2025: dict[str, int] = {
    "AT": 2000, "BE": 2100, "BG": 2000, "CY": 1900, "CZ": 2100, "DE": 1900, "DK": 2500, "EE": 2400, "ES": 2100,
    "FI": 2550, "FR": 2000, "GR": 2400, "HR": 2500, "HU": 2700, "IE": 2300, "IT": 2200, "LT": 2100, "LU": 1700,
    "LV": 2100, "MT": 1800, "NL": 2100, "PL": 2300, "PT": 2300, "RO": 2100, "SE": 2500, "SI": 2200, "SK": 2300,
}  # fmt: skip
"""The standard rates of the Union's members since 1 August 2025, as the European Commission publishes them (TEDB)."""


def test_the_standard_rates_of_the_union_are_those_that_its_commission_publishes() -> None:
    found = {country: tax_rates.standard(country, datetime(2025, 8, 2, tzinfo=UTC)) for country in EU}
    assert {country: one.rate for country, one in found.items() if one} == STANDARD_2025


@pytest.mark.parametrize(
    ("country", "moment", "rate"),
    [
        ("DE", "2020-06-30T23:59:59", 1900),  # Zweites Corona-Steuerhilfegesetz, Art. 3
        ("DE", "2020-07-01T00:00:00", 1600),
        ("DE", "2020-12-31T23:59:59", 1600),
        ("DE", "2021-01-01T00:00:00", 1900),
        ("EE", "2023-12-31T23:59:59", 2000),
        ("EE", "2024-01-01T00:00:00", 2200),
        ("EE", "2025-07-01T00:00:00", 2400),
        ("FI", "2024-08-31T23:59:59", 2400),
        ("FI", "2024-09-01T00:00:00", 2550),
        ("IE", "2020-09-01T00:00:00", 2100),
        ("IE", "2021-03-01T00:00:00", 2300),
        ("LU", "2023-12-31T23:59:59", 1600),
        ("LU", "2024-01-01T00:00:00", 1700),
        ("RO", "2025-07-31T23:59:59", 1900),
        ("RO", "2025-08-01T00:00:00", 2100),
        ("SK", "2025-01-01T00:00:00", 2300),
        ("NG", "2020-01-31T23:59:59", 500),  # Finance Act 2019
        ("NG", "2020-02-01T00:00:00", 750),
        ("GB", "2011-01-04T00:00:00", 2000),
    ],
)
def test_a_rate_begins_at_midnight_by_the_clock_of_its_country(country: str, moment: str, rate: int) -> None:
    local = datetime.fromisoformat(moment).replace(tzinfo=ZoneInfo(CLOCKS[country]))
    found = tax_rates.standard(country, local.astimezone(UTC))
    assert found
    assert (found.rate, bool(found.source)) == (rate, True)


def test_the_table_is_in_order_and_knows_the_clock_of_each_country() -> None:
    assert {one.country for one in RATES} == CLOCKS.keys() == EU | {"GB", "IN", "NG"}
    assert [*RATES] == sorted(RATES, key=lambda one: (one.country, one.since))
    assert len({(one.country, one.since) for one in RATES}) == len(RATES)
    assert tax_rates.standard("GB", datetime(1900, 1, 1, tzinfo=UTC)) is None


def of(rate: int, name: str, reason: TaxReason, country: str | None = None, place: str | None = None) -> Tax:
    return Tax(rate, name, reason, country, place=place)


def within(place: str, local: str, half: int = 900, reason: TaxReason = TaxReason.STANDARD) -> Tax:
    """India's within a state, which has a tax of its own."""
    return Tax(2 * half, "GST", reason, "IN", (TaxPart("CGST", half), TaxPart(local, half)), place)


def between(place: str | None, rate: int = 1_800, reason: TaxReason = TaxReason.STANDARD) -> Tax:
    """India's between two states."""
    return Tax(rate, "IGST", reason, "IN", (TaxPart("IGST", rate),), place)


def exempt(country: str, of: str | None = None, region: str | None = None, only: str | None = None) -> Party:
    """A buyer in a country who is exempt of its tax, or of that `of` another; with `only` of what is supplied there."""
    return Party(country, region, exemptions=(Exemption(of or country, only, "E-1", "A school."),))


def freed(name: str, country: str | None = None, place: str | None = None) -> Tax:
    """What nothing is due of for that."""
    return Tax(0, name, TaxReason.EXEMPT, country, (), place, InvoiceExemption("E-1", "A school."))


@pytest.mark.parametrize(
    ("seller", "buyer", "expected"),
    [
        (DE, Party("DE"), of(1900, "VAT", TaxReason.STANDARD, "DE")),
        (DE, Party("DE", tax_id="DE129274202"), of(1900, "VAT", TaxReason.STANDARD, "DE")),
        (DE, FR, of(0, "VAT", TaxReason.REVERSE_CHARGE, "FR")),  # Directive 2006/112/EC, Art. 44 and 196
        (DE, Party("FR"), of(2000, "VAT", TaxReason.STANDARD, "FR")),  # Art. 58
        (DE, Party("MC"), of(2000, "VAT", TaxReason.STANDARD, "FR")),  # Art. 7
        (FR, Party("FI"), of(2550, "VAT", TaxReason.STANDARD, "FI")),
        (DE, GB, of(0, "VAT", TaxReason.OUTSIDE)),
        (DE, Party("US"), of(0, "VAT", TaxReason.OUTSIDE)),  # Art. 59
        (GB, Party("GB"), of(2000, "VAT", TaxReason.STANDARD, "GB")),
        (GB, Party("IM"), of(2000, "VAT", TaxReason.STANDARD, "GB")),
        (GB, Party("FR"), of(0, "VAT", TaxReason.OUTSIDE)),  # VATA 1994 s. 7A
        (NG, Party("NG"), of(750, "VAT", TaxReason.STANDARD, "NG")),
        (NG, Party(), of(750, "VAT", TaxReason.STANDARD, "NG")),
        (NG, Party("GH"), of(0, "VAT", TaxReason.OUTSIDE)),
        (KARNATAKA, Party("IN", "29"), within("29", "SGST")),  # IGST Act s. 8
        (KARNATAKA, DELHI, between("07")),  # s. 7
        (KARNATAKA, Party("IN", "07", "07AAPFU0939F1ZX"), between("07")),  # a business as well: no reverse charge
        (KARNATAKA, Party("IN"), within("29", "SGST")),  # s. 12(2)(b)(ii)
        (KARNATAKA, Party(), within("29", "SGST")),
        (Party("IN", "07", "1"), DELHI, within("07", "SGST")),  # with a legislature: CGST Act s. 2(103)
        (CHANDIGARH, Party("IN", "04"), within("04", "UTGST")),  # without: CGST Act s. 2(114)
        (CHANDIGARH, DELHI, between("07")),
        (Party("IN", "38", "1"), Party("IN", "38"), within("38", "UTGST")),
        (KARNATAKA, Party("US"), of(0, "GST", TaxReason.OUTSIDE)),  # IGST Act s. 16
        (Party("IN", "29", "1", 500), Party("IN", "29"), within("29", "SGST", 250, TaxReason.OWN_RATE)),
        (Party("IN", "29", "1", 500), DELHI, between("07", 500, TaxReason.OWN_RATE)),
        (Party("IN", "29", None, 500), DELHI, between("07", 500, TaxReason.OWN_RATE)),
        (Party("IN", "29", None, 500), Party("US", "CA"), between(None, 500, TaxReason.OWN_RATE)),  # s. 7(5)
        (Party("IN", None, None, 500), DELHI, of(500, "GST", TaxReason.OWN_RATE, "IN")),
        (Party("DE"), Party("DE"), of(0, "VAT", TaxReason.NOT_REGISTERED)),  # UStG § 19
        (Party(), Party("DE"), of(0, "VAT", TaxReason.NOT_REGISTERED)),
        (DE, exempt("DE"), freed("VAT", "DE")),  # Directive 2006/112/EC, Art. 151
        (DE, exempt("DE", "FR"), of(1900, "VAT", TaxReason.STANDARD, "DE")),
        (DE, exempt("FR", "FR"), freed("VAT", "FR")),
        (DE, exempt("US"), of(0, "VAT", TaxReason.OUTSIDE)),  # nothing would be due
        (Party("DE"), exempt("DE"), of(0, "VAT", TaxReason.NOT_REGISTERED)),
        (KARNATAKA, exempt("IN", region="07"), freed("IGST", "IN", "07")),
        (KARNATAKA, exempt("IN", region="07", only="07"), freed("IGST", "IN", "07")),
        (KARNATAKA, exempt("IN", region="07", only="29"), between("07")),
        (KARNATAKA, exempt("IN", only="29"), freed("GST", "IN", "29")),
        (Party("US", own_rate=825), exempt("US", region="TX", only="TX"), freed("VAT", "US")),
        (Party("US", own_rate=825), exempt("US", region="TX", only="NY"), of(825, "VAT", TaxReason.OWN_RATE, "US")),
        (Party(own_rate=825), exempt("US"), freed("VAT")),  # whose country is not known
        (Party("US", tax_id="1"), Party("US"), of(0, "VAT", TaxReason.NOT_REGISTERED)),
        (Party(own_rate=810), Party("CH"), of(810, "VAT", TaxReason.OWN_RATE)),
        (Party("CH", tax_id="1", own_rate=810), Party("CH"), of(810, "VAT", TaxReason.OWN_RATE, "CH")),
        (Party("DE", tax_id="1", own_rate=700), Party("FR"), of(700, "VAT", TaxReason.OWN_RATE, "FR")),
        (Party("DE", tax_id="1", own_rate=700), FR, of(0, "VAT", TaxReason.REVERSE_CHARGE, "FR")),
        (Party("DE", own_rate=700), exempt("DE"), freed("VAT", "DE")),
    ],
)
def test_what_is_due(seller: Party, buyer: Party, expected: Tax) -> None:
    found = rate_for(seller, buyer, NOW)
    assert found == expected
    assert found.reverse_charge is (expected.reason is TaxReason.REVERSE_CHARGE)


COUNTRIES = st.sampled_from([*sorted(EU), "GB", "IN", "NG", "US", "MC", None])
PARTIES = st.builds(
    Party,
    country=COUNTRIES,
    region=st.sampled_from([None, "07", "29"]),
    tax_id=st.sampled_from([None, "1"]),
    own_rate=st.sampled_from([None, 0, 810]),
    exemptions=st.lists(
        st.builds(
            Exemption, st.sampled_from(["DE", "IN", "US"]), st.sampled_from([None, "07"]), st.just("1"), st.just("x")
        ),
        max_size=2,
    ).map(tuple),
)


@given(PARTIES, PARTIES)
def test_parts_make_the_whole_and_what_is_not_due_is_nothing(seller: Party, buyer: Party) -> None:
    tax = rate_for(seller, buyer, NOW)
    assert not tax.parts or sum(part.rate for part in tax.parts) == tax.rate
    taxed = {TaxReason.STANDARD, TaxReason.OWN_RATE}
    assert tax.reason in taxed or (tax.rate, tax.parts) == (0, ())
    assert (tax.exemption is not None) is (tax.reason is TaxReason.EXEMPT)
    assert (tax.place in (buyer.region, seller.region)) if tax.place else not tax.parts or buyer.country != "IN"


GOOD = [
    ("AT", "U13585627", "ATU13585627"),
    ("AT", "ATU 1358-5627", "ATU13585627"),
    ("BE", "BE 0428 759 497", "BE0428759497"),
    ("DE", "136 695 976", "DE136695976"),
    ("DE", "de136695976", "DE136695976"),
    ("FR", "Fr 40 303 265 045", "FR40303265045"),
    ("GR", "EL 094259216", "EL094259216"),
    ("NL", "004495445B01", "NL004495445B01"),
    ("MC", "FR 40 303 265 045", "FR40303265045"),
    ("GB", "GB 980 7806 84", "980780684"),
    ("IN", "27AAPFU0939F1ZV", "27AAPFU0939F1ZV"),
    ("IN", "38 aapfu-0939f 1zs", "38AAPFU0939F1ZS"),
    ("IN", "97AAPFU0939F1ZO", "97AAPFU0939F1ZO"),
    ("NG", "12345678-0001", "12345678-0001"),
]
BAD = [
    ("DE", "136695977"),
    ("DE", "FR40303265045"),
    ("FR", "84323140391"),
    ("GR", "EL094259217"),
    ("GB", "802311781"),
    ("IN", "27AAPFU0939F1ZO"),
    ("IN", "38AAPFU0939F1ZT"),
    ("IN", "99AAPFU0939F1ZK"),
    ("IN", "27AAPFU0939F0ZW"),
    ("IN", "27AAPFU0939F1AV"),
    ("IN", "२७AAPFU0939F1ZV"),
    ("IN", "27AAPFU0939F1ZV0"),
    ("NG", "1234"),
    ("AT", "x" * 30),
    ("DE", "\0"),
    ("IT", "０７４３１１０１５７"),
]


@pytest.mark.parametrize(("country", "given", "kept"), GOOD)
def test_a_tax_id_is_kept_as_its_country_writes_it(country: str, given: str, kept: str) -> None:
    assert tax_ids.checked(country, given) == kept
    assert tax_ids.checked(country, kept) == kept


@pytest.mark.parametrize(("country", "given"), BAD)
def test_one_that_cannot_be_is_refused(country: str, given: str) -> None:
    with pytest.raises(BadTaxId) as refused:
        tax_ids.checked(country, given)
    assert refused.value.path == ["input", "taxId"]


def test_one_that_nobody_can_check_is_refused_as_that() -> None:
    with pytest.raises(UncheckedTaxId):
        tax_ids.checked("US", "12-3456789")


def test_one_of_another_state_of_india_is_refused() -> None:
    assert tax_ids.checked("IN", "27AAPFU0939F1ZV", "27")
    with pytest.raises(BadTaxId):
        tax_ids.checked("IN", "27AAPFU0939F1ZV", "29")


@given(st.sampled_from([*sorted(EU), "GB", "IN", "NG"]), st.text(max_size=30))
def test_no_text_breaks_the_check(country: str, text: str) -> None:
    try:
        kept = tax_ids.checked(country, text)
    except BadTaxId:
        return
    assert tax_ids.checked(country, kept) == kept
