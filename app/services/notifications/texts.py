"""The carrier of text messages. Each costs money: an organization has so many a day, and each is short."""

from collections.abc import Mapping
from typing import Any

from app.core import throttles
from app.core.settings import settings
from app.core.throttles import Throttled
from app.integrations import twilio
from app.models import Delivery
from app.services.notifications.carrying import Receipt, Refused

DAY = 24 * 3600
MAX_TEXT = 134
"""Characters: two segments in any script."""


async def carry(delivery: Delivery, content: Mapping[str, Any]) -> Receipt:
    """Send a text message, unless its receiver has told Twilio to stop."""
    if delivery.attempts <= 1:
        try:
            limit = settings().texts_per_organization
            await throttles.spend("notices by text", str(delivery.organization_id), limit, DAY)
        except Throttled:
            raise Refused("The organization has sent as many text messages as it may in a day.") from None
    said = f"{content['title']}: {' '.join(content['text'].split())}"
    short = said if len(said) <= MAX_TEXT else f"{said[: MAX_TEXT - 1]}…"
    try:
        return Receipt("twilio", await twilio.send(delivery.address, short))
    except twilio.Rejected as error:
        raise Refused(str(error), address=error.address) from error
