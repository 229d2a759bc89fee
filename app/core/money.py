"""Money: whole minor units of a currency, such as cents. Nothing here is ever a fraction, and nothing is lost.

    Money(1050, "EUR")      ten euros fifty          Money(1050, "JPY")      1,050 yen

What is divided is split by the largest remainder, so that the parts make the whole; a share of it is rounded half to
even. Amounts are those that 64 bits hold. How many digits of a currency are minor units is what ISO 4217 says.
"""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Annotated, NewType, Self

from babel import Locale
from babel.numbers import NumberPattern
from iso4217 import Currency as Listed
from pydantic import Field

from app.core.commands import Command
from app.core.errors import Invalid
from app.core.regions import Currency
from app.core.rows import Value

MOST = 2**63 - 1
"""Minor units in an amount, and of what is owed."""
WHOLE = 10_000
"""Basis points in the whole: rates are given in hundredths of a per cent."""
EXPONENTS = {one.code: one.exponent for one in Listed if one.exponent is not None}
"""By its code, how many digits of a currency are its minor units; none of what is no currency, such as gold."""


class OutOfRange(Invalid):
    """There is not that much money."""

    code = "AMOUNT_OUT_OF_RANGE"


class CurrencyMismatch(Invalid):
    """Amounts of two currencies cannot be one."""

    code = "CURRENCY_MISMATCH"


def fitting(amount: int) -> int:
    """The same number. Raises OutOfRange when 64 bits do not hold it."""
    if not -MOST <= amount <= MOST:
        raise OutOfRange("The amount is too large.")
    return amount


Minor = NewType("Minor", int)
"""A number of minor units, in what clients send and get."""


@dataclass(frozen=True, slots=True)
class Money(Value):
    """An amount in minor units, positive or not, of one currency."""

    amount: int
    currency: str

    def __post_init__(self) -> None:
        fitting(self.amount)

    def __add__(self, other: Self) -> "Money":
        return Money(self.amount + self._same(other).amount, self.currency)

    def __sub__(self, other: Self) -> "Money":
        return Money(self.amount - self._same(other).amount, self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.amount, self.currency)

    def __bool__(self) -> bool:
        return self.amount != 0

    def times(self, quantity: int) -> "Money":
        return Money(self.amount * quantity, self.currency)

    def share(self, rate: int, of: int = WHOLE) -> "Money":
        """`rate` parts of `of`, such as basis points of the whole, rounded half to even."""
        return Money(rounded(self.amount * rate, of), self.currency)

    def split(self, weights: Sequence[int]) -> list["Money"]:
        """Parts in the proportion of the weights, which are together the whole."""
        return [Money(part, self.currency) for part in split(self.amount, weights)]

    def said(self, language: str = "en") -> str:
        """As it is written in a language: “€10.50”, “10,50 €”."""
        exponent, pattern = EXPONENTS[self.currency], _pattern(language, EXPONENTS[self.currency])
        scaled = Decimal(self.amount).scaleb(-exponent)
        return str(pattern.apply(scaled, language, currency=self.currency, currency_digits=False))

    def _same(self, other: Self) -> Self:
        if other.currency != self.currency:
            raise CurrencyMismatch(
                "These are amounts in {one} and in {other}.", one=self.currency, other=other.currency
            )
        return other


class Amount(Command):
    """An amount of money above zero."""

    amount: Annotated[Minor, Field(gt=0, le=MOST, description="In minor units, such as cents.")]
    currency: Currency

    @property
    def money(self) -> Money:
        return Money(self.amount, self.currency)


@cache
def _pattern(language: str, exponent: int) -> NumberPattern:
    """How a language writes an amount, with all digits of the minor units."""
    pattern: NumberPattern = copy(Locale.parse(language, sep="-").currency_formats["standard"])
    pattern.frac_prec = exponent, exponent
    return pattern


def rounded(numerator: int, denominator: int) -> int:
    """A quotient as a whole number, rounded half to even; the denominator is positive."""
    floor, rest = divmod(numerator, denominator)
    return floor + (rest * 2 > denominator or (rest * 2 == denominator and floor % 2 == 1))


def split(amount: int, weights: Sequence[int]) -> list[int]:
    """Whole parts of an amount in the proportion of weights, none of which is negative; their sum is the amount.

    Who was cut most has what is left, of equals the first. ValueError when the weights are nothing at all.
    """
    total = sum(weights)
    if total <= 0 or min(weights) < 0:
        raise ValueError("an amount is split by weights of which one is positive and none negative")
    sign, size = (-1 if amount < 0 else 1), abs(amount)
    parts, rests = map(list, zip(*(divmod(size * weight, total) for weight in weights), strict=True))
    left = size - sum(parts)
    for place in sorted(range(len(weights)), key=lambda n: -rests[n])[:left]:
        parts[place] += 1
    return [sign * part for part in parts]
