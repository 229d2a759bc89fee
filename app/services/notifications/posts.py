"""What carriers have in common that write to addresses which people have added."""

from collections.abc import Mapping
from typing import Any

from bson import ObjectId

from app.core.destinations import UrlRefused
from app.integrations.egress import egress
from app.models import Delivery
from app.services.notifications import addresses
from app.services.notifications.carrying import Receipt, Refused

LATER, LONGEST = 60.0, 3_600.0
"""Seconds until somebody is asked again who wants no more now, where they do not say how long or say too much."""


class Busy(Exception):
    """They want no more for some seconds."""

    def __init__(self, retry_after: float) -> None:
        super().__init__(f"again in {retry_after} seconds")
        self.retry_after = retry_after


async def known(delivery: Delivery) -> dict[str, Any]:
    """What it takes to write to the address of a delivery. Raises Refused where it is no more."""
    place = await addresses.place(delivery.address)
    if place is None:
        raise Refused("There is no such address any more.", address=True)
    return place


async def gone(delivery: Delivery) -> Refused:
    """What becomes of a delivery at whose address nothing is any more: the address is forgotten."""
    await addresses.forget(ObjectId(delivery.address))
    return Refused("There is nothing at this address any more.", address=True)


async def post(provider: str, delivery: Delivery, url: str, body: bytes, headers: Mapping[str, str]) -> Receipt:
    """Post to an address. Raises Refused, Busy, Unreached, and ConnectionError for what may pass."""
    try:
        answer = await egress().post(url, body, headers)
    except UrlRefused as error:
        raise Refused(str(error)) from error
    match answer.status:
        case 404 | 410:
            raise await gone(delivery)
        case 429 | 503:
            seconds = answer.headers.get("retry-after", "")
            raise Busy(min(float(seconds), LONGEST) if seconds.isdecimal() else LATER)
        case status if 400 <= status < 500:
            raise Refused(f"{provider} refuses with {status}")
        case status if status >= 300:
            raise ConnectionError(f"{provider} answers {status}")
    return Receipt(provider)
