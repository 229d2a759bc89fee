"""What a document makes of events that have happened: to try it before anybody is sent it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bson import ObjectId

from app.core import changes
from app.core.actor import Actor
from app.core.changes import log
from app.core.clock import now
from app.core.errors import Invalid
from app.core.rows import Value
from app.models import WebhookEndpoint, WebhookType
from app.services.webhooks import endpoints, reading, sending

MOST = 20
"""Events that are shown."""
LOOKED_AT = 200
"""Changes that are looked at for them."""
BACK = timedelta(days=1)


@dataclass(slots=True)
class WebhookPreview(Value):
    """What would be sent of one event."""

    message_id: str
    type: WebhookType
    at: datetime
    payload: Mapping[str, Any]


async def preview(
    actor: Actor, endpoint_id: ObjectId, document: str | None, since: datetime | None, first: int
) -> list[WebhookPreview]:
    """What an endpoint would be sent of the first events after a moment, by its own document or by another.

    Raises NotFound, PermissionAbove for who may not see what the endpoint may, DocumentRefused.
    """
    if not 1 <= first <= MOST:
        raise Invalid("`first` must be from 1 to {limit}.", path=["first"], limit=MOST)
    endpoint = await WebhookEndpoint.require(actor, endpoint_id)
    endpoints.check_reach(actor, endpoint)
    text = document or endpoint.document
    if document:
        endpoints.check_document(document)
    position = await changes.apart(lambda: log.position_at(since or now() - BACK))
    found = await reading.following(endpoint, position, LOOKED_AT)
    return [
        WebhookPreview(
            sending.message_id(change.id), type, change.at, await sending.payload(endpoint, text, type, change)
        )
        for change, type in reading.heard(endpoint, found)[:first]
    ]
