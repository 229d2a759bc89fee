"""What it takes to carry a delivery: the protocol of carriers, how they fail, and how fast a provider may be used."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from app.core import rates
from app.core.rates import Rate
from app.models import Delivery

BURST = 3
"""Seconds of a provider's rate that may go at once."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """That a provider has taken it, and what it calls it."""

    provider: str
    id: str | None = None


class Refused(Exception):
    """It will never be taken; with `address`, nothing will that goes to this address."""

    def __init__(self, reason: str, *, address: bool = False) -> None:
        super().__init__(reason)
        self.address = address


class Carrier(Protocol):
    """Hands a delivery with what it says to a provider.

    Raises Refused; InDoubt of `integrations.mail` when it may have been taken; an error with `retry_after` to be called
    again so many seconds later without being counted as an attempt; any other error to be called again.
    """

    async def __call__(self, delivery: Delivery, content: Mapping[str, Any]) -> Receipt: ...


async def pace(provider: str, per_minute: int) -> None:
    """Take a turn at a provider, which gets so many a minute from all processes together. Raises RateLimited."""
    seconds = 60 // math.gcd(per_minute, 60)
    seconds *= max(1, BURST // seconds)
    meter = rates.meter("deliveries", provider, "provider", Rate(per_minute * seconds // 60, seconds))
    await rates.spend((meter,), 1)
