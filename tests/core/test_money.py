"""R75: money is whole minor units, and nothing of it is lost or made."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.money import EXPONENTS, MOST, CurrencyMismatch, Money, OutOfRange, rounded, split

AMOUNTS = st.integers(-MOST, MOST)
WEIGHTS = st.lists(st.integers(0, 10**9), min_size=1, max_size=20).filter(any)


@given(AMOUNTS, WEIGHTS)
def test_parts_make_the_whole_and_none_is_off_by_more_than_one(amount: int, weights: list[int]) -> None:
    parts = split(amount, weights)
    assert sum(parts) == amount
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part * sum(weights) - amount * weight) < sum(weights)


def test_ten_thousand_splits_are_exact() -> None:
    chance = random.Random(7)
    for _ in range(10_000):
        weights = [chance.randrange(1, 1_000) for _ in range(chance.randrange(1, 12))]
        whole = Money(chance.randrange(-MOST, MOST), chance.choice(["EUR", "JPY", "KWD"]))
        assert sum(part.amount for part in whole.split(weights)) == whole.amount


@pytest.mark.parametrize("weights", [[], [0, 0], [1, -1], [-1]])
def test_weights_must_say_something(weights: list[int]) -> None:
    with pytest.raises(ValueError, match="weights"):
        split(10, weights)


@pytest.mark.parametrize(
    ("numerator", "denominator", "result"),
    [(5, 10, 0), (15, 10, 2), (25, 10, 2), (-5, 10, 0), (-15, 10, -2), (26, 10, 3)],
)
def test_halves_go_to_the_even(numerator: int, denominator: int, result: int) -> None:
    assert rounded(numerator, denominator) == result


def test_shares_are_of_basis_points() -> None:
    assert Money(10_010, "EUR").share(750) == Money(751, "EUR")  # 750.75
    assert Money(100, "JPY").share(750) == Money(8, "JPY")  # 7.5


def test_a_currency_is_not_another() -> None:
    with pytest.raises(CurrencyMismatch):
        Money(1, "EUR") + Money(1, "USD")


@pytest.mark.parametrize("amount", [MOST + 1, -MOST - 1, 10**30])
def test_what_64_bits_do_not_hold_is_no_amount(amount: int) -> None:
    with pytest.raises(OutOfRange):
        Money(amount, "EUR")
    with pytest.raises(OutOfRange):
        Money(MOST, "EUR") + Money(1, "EUR")


@pytest.mark.parametrize(
    ("money", "language", "said"),
    [
        (Money(123_456, "EUR"), "en", "€1,234.56"),
        (Money(123_456, "JPY"), "en", "¥123,456"),
        (Money(1_234, "KWD"), "en", "KWD1.234"),
        (Money(150, "EUR"), "en", "€1.50"),
        (Money(5, "UYW"), "en", "UYW0.0005"),
        (Money(-5, "USD"), "en", "-$0.05"),
        (Money(MOST, "USD"), "en", "$92,233,720,368,547,758.07"),
        (Money(123_456, "EUR"), "fr", "1\N{NARROW NO-BREAK SPACE}234,56\N{NO-BREAK SPACE}€"),
    ],
)
def test_money_is_said_as_people_write_it(money: Money, language: str, said: str) -> None:
    assert money.said(language) == said


def test_exponents_are_those_of_iso_4217() -> None:
    assert [EXPONENTS[code] for code in ("EUR", "JPY", "KWD", "CLF", "UGX")] == [2, 0, 3, 4, 0]
    assert "XAU" not in EXPONENTS
