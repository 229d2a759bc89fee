"""The carriers of messages to apps and browsers. An address at which there is nothing any more is forgotten."""

from collections.abc import Mapping
from typing import Any

from app.integrations import fcm, web_push
from app.models import Delivery
from app.services.notifications.carrying import Receipt, Refused, pace
from app.services.notifications.posts import gone, known, post

PER_MINUTE = 6_000
"""What a push service is given a minute, by all processes together."""
MAX_TEXT = 500


async def to_app(delivery: Delivery, content: Mapping[str, Any]) -> Receipt:
    """Show a message by an app."""
    fid = (await known(delivery))["fid"]
    await pace("fcm", PER_MINUTE)
    try:
        title, text = content["title"], content["text"][:MAX_TEXT]
        return Receipt("fcm", await fcm.send(fid, title, text, {"link": content["link"]}))
    except fcm.Gone:
        raise await gone(delivery) from None
    except fcm.Rejected as error:
        raise Refused(str(error)) from error


async def to_browser(delivery: Delivery, content: Mapping[str, Any]) -> Receipt:
    """Send a message to a browser, which its service worker shows."""
    subscription = await known(delivery)
    await pace("web_push", PER_MINUTE)
    said = {**content, "text": content["text"][:MAX_TEXT]}
    body, headers = web_push.sealed(subscription, said)
    return await post("web_push", delivery, subscription["endpoint"], body, headers)
