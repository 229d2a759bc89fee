"""Rates at the doors: what an operation costs, who pays, and what clients are told of it.

Sources: RateLimit header fields (draft-ietf-httpapi-ratelimit-headers-10); `extensions.cost` as Shopify has it.
"""

import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

from app.api.credentials import Credentials
from app.api.headers import Headers
from app.core import rates
from app.core.rates import Meter
from app.execution.operations import Operation
from app.services.billing.metering.platform_usage import CALLS
from app.services.organizations import tiers
from app.services.organizations.tiers import EVENTS

ADDRESSES = 10_000
"""Addresses without a sign-in that a process remembers."""
COST = "atrium-cost"
"""The header of a request that wants `extensions.cost`."""

Meters = tuple[Meter, ...]

__all__ = ["COST", "EVENTS", "Meters", "Rates", "limits", "points", "told"]


class Rates:
    """Who pays for requests, kept with their credentials; for those of nobody, by address."""

    def __init__(self) -> None:
        self._addresses: OrderedDict[str, Meters] = OrderedDict()

    async def spend(self, credentials: Credentials, address: str, points: int) -> Meters:
        """Spend points of whoever asks, and count the call. Raises RateLimited and Unavailable."""
        meters = credentials.meters
        if meters is None:
            if credentials.known:
                meters = credentials.meters = await tiers.meters_of(credentials.actor)
            else:
                meters = self._at(address)
        if not rates.spent(meters, points):
            await rates.spend(meters, points)
        if credentials.known:
            CALLS.note(credentials.actor.organization_id)
        return meters

    def _at(self, address: str) -> Meters:
        meters = self._addresses.get(address)
        if meters is None:
            meters = self._addresses[address] = tiers.meters_at(address)
            if len(self._addresses) > ADDRESSES:
                self._addresses.popitem(last=False)
        else:
            self._addresses.move_to_end(address)
        return meters


def points(operation: Operation, variables: Mapping[str, Any] | None) -> int:
    """What an operation costs, in points."""
    price = operation.price
    return tiers.points(price.asked(variables or {}) if price.variable else price.fixed)


def limits(meters: Meters) -> Headers:
    """What clients are told of the bucket that will be empty first."""
    if not meters:
        return []
    now = time.monotonic()
    tightest = meters[0]
    level = tightest.level(now)
    for one in meters[1:]:
        if (other := one.level(now)) < level:
            tightest, level = one, other
    rate = tightest.rate
    if tightest.shown is None:
        name = b'"%b"' % tightest.kind.encode()
        tightest.shown = (b"ratelimit-policy", b"%b;q=%d;w=%d" % (name, rate.points, rate.seconds)), name
    policy, name = tightest.shown
    full = (rate.points - level) * rate.seconds // rate.points
    headers = [policy, (b"ratelimit", b"%b;r=%d;t=%d" % (name, level, full))]
    if tightest.open:
        headers.append((b"atrium-rate-limits", b"local"))
    return headers


def told(meters: Meters, requested: int, data: Any) -> dict[str, Any]:
    """`extensions.cost` of an answer, in points; what is available is that of the bucket that will be empty first."""
    cost: dict[str, Any] = {"requestedQueryCost": requested, "actualQueryCost": tiers.points(_objects(data))}
    if meters:
        now = time.monotonic()
        tightest = min(meters, key=lambda one: one.level(now))
        rate = tightest.rate
        cost["throttleStatus"] = {
            "maximumAvailable": rate.points,
            "currentlyAvailable": tightest.level(now),
            "restoreRate": round(rate.points / rate.seconds, 6),
        }
    return cost


def _objects(data: Any) -> int:
    """How many objects an answer holds."""
    if isinstance(data, Mapping):
        return 1 + sum(map(_objects, data.values()))
    if isinstance(data, Sequence) and not isinstance(data, str):
        return sum(map(_objects, data))
    return 0
