"""From the change log to deliveries: an endpoint gets one for each event that it is to hear, and its position moves."""

from collections.abc import Sequence

from app.core import changes
from app.core.actor import Actor
from app.core.changes import Change, log
from app.core.clock import derived_id, now
from app.models import WebhookDelivery, WebhookDeliveryDocument, WebhookEndpoint, WebhookType
from app.services.webhooks import public, waking


async def read_on(actor: Actor, endpoint: WebhookEndpoint, limit: int) -> WebhookEndpoint | None:
    """Make the next deliveries, of up to `limit` changes. Answers the endpoint; None when it is no more at work."""
    found = await following(endpoint, endpoint.position, limit)
    return await _keep(actor, endpoint, found) if found else endpoint


async def following(endpoint: WebhookEndpoint, position: int, limit: int, until: int | None = None) -> list[Change]:
    """The changes after a position that an endpoint may be to hear of, whatever its filter says."""
    types = [public.TYPES[type].event.type() for type in endpoint.types]
    between = {"$gt": position, **({"$lte": until} if until is not None else {})}
    return await log.read({"s": f"o:{endpoint.organization_id}", "t": {"$in": types}, "_id": between}, limit)


def heard(endpoint: WebhookEndpoint, found: Sequence[Change]) -> list[tuple[Change, WebhookType]]:
    """Those of the changes that an endpoint hears of, and as what."""
    return [(change, type) for change in found if (type := public.heard(endpoint, change))]


def deliveries(endpoint: WebhookEndpoint, found: Sequence[Change]) -> list[WebhookDeliveryDocument]:
    """New deliveries of those of the changes that the endpoint hears of, due now."""
    return [_delivery(endpoint, change, type) for change, type in heard(endpoint, found)]


def _delivery(endpoint: WebhookEndpoint, change: Change, type: WebhookType) -> WebhookDeliveryDocument:
    return WebhookDeliveryDocument(
        id=derived_id(change.id, endpoint.id),
        organization_id=endpoint.organization_id,
        endpoint_id=endpoint.id,
        event_id=change.id,
        position=change.position,
        type=type,
        key=public.about(type, change),
        at=change.at,
        due=now(),
    )


@changes.atomic
async def _keep(actor: Actor, endpoint: WebhookEndpoint, found: Sequence[Change]) -> WebhookEndpoint | None:
    mine = {**waking.at_work(actor, endpoint), "position": endpoint.position}
    moved = await changes.change(WebhookEndpoint, mine, {"$set": {"position": found[-1].position}})
    if moved is not None:
        # What happened before the endpoint was there may be numbered afterwards.
        made = deliveries(endpoint, [change for change in found if change.id > endpoint.id])
        ids = {"_id": {"$in": [one.id for one in made]}}
        known = {row.id for row in await WebhookDelivery.select(actor, ids, fields=frozenset())} if made else set()
        await changes.insert_all([one for one in made if one.id not in known])  # a replay may have been faster
    return moved
