"""What endpoints were sent: the log of deliveries, and sending once more."""

from datetime import datetime
from typing import Annotated, Any

from bson import ObjectId
from pydantic import Field

from app.core import changes
from app.core.actor import Actor
from app.core.changes import log
from app.core.clock import now
from app.core.commands import Command, Ref
from app.core.errors import Invalid
from app.core.filters import Filterable, Tree
from app.core.paging import Page, PageArgs
from app.models import WebhookDelivery, WebhookDeliveryState, WebhookEndpoint
from app.models.webhooks.events import WebhookReplayAsked
from app.services.webhooks import reading, waking

FILTERABLE = Filterable(frozenset({"type", "state", "at", "tries"}))
PAGE = 100
"""Changes that a replay reads together."""


class WebhookResend(Command):
    """A delivery to make once more."""

    delivery_id: Annotated[ObjectId, Ref("WebhookDelivery")]


class WebhookReplay(Command):
    """What to send an endpoint once more: what happened from a moment on, up to another or now."""

    endpoint_id: Annotated[ObjectId, Ref("WebhookEndpoint")]
    since: datetime
    until: datetime | None = None
    failed_only: Annotated[bool, Field(description="Only what has not arrived, or was never sent.")] = False


async def newest(actor: Actor, page: PageArgs, endpoint_id: ObjectId, filter: Tree | None) -> Page[WebhookDelivery]:
    """What an endpoint was sent, and is to be, the newest event first."""
    where = FILTERABLE.mongo(filter) if filter else {}
    mine = {"endpoint_id": endpoint_id}
    return await WebhookDelivery.page(actor, page, {"$and": [where, mine]} if where else mine)


async def find(actor: Actor, id: ObjectId) -> WebhookDelivery | None:
    return await WebhookDelivery.lookup(actor, _id=id)


async def resend(actor: Actor, given: WebhookResend) -> WebhookDelivery:
    """Make a delivery once more, now, whatever became of it. Raises NotFound."""
    row = await WebhookDelivery.require(actor, given.delivery_id)
    again = await changes.change(WebhookDelivery, WebhookDelivery.within(actor, _id=row.id), {"$set": _again()})
    await _look(actor, row.endpoint_id)
    return again or row


async def replay(actor: Actor, given: WebhookReplay) -> WebhookEndpoint:
    """Let a job send once more what happened in a time. Raises NotFound, and Invalid for one the log does not reach."""
    endpoint, until = await WebhookEndpoint.require(actor, given.endpoint_id), given.until or now()
    if until <= given.since:
        raise Invalid("It ends before it begins.", path=["input", "until"])
    told = WebhookReplayAsked(
        actor, endpoint=endpoint.id, since=given.since, until=until, failed_only=given.failed_only
    )
    await changes.tell(told)
    return endpoint


async def replay_all(asked: WebhookReplayAsked) -> None:
    """Make the deliveries of a replay due, page by page; again after a failure, each once all the same."""
    inside = Actor.platform(asked.actor.organization_id)
    endpoint = await WebhookEndpoint.lookup(inside, _id=asked.endpoint)
    if endpoint is None:
        return
    position, last = await log.position_at(asked.since), await log.position_at(asked.until)
    while found := await reading.following(endpoint, position, PAGE, last):
        await _make_due(inside, asked, reading.deliveries(endpoint, found))
        position = found[-1].position
    await _look(inside, endpoint.id)


@changes.atomic
async def _make_due(actor: Actor, asked: WebhookReplayAsked, made: list[Any]) -> None:
    ids = {"$in": [one.id for one in made]}
    known = {row.id for row in await WebhookDelivery.select(actor, {"_id": ids}, fields=frozenset())}
    new = [one for one in made if one.id not in known]
    for one in new:
        one.replay_id = asked.id
    await changes.insert_all(new)
    left_out = {"state": WebhookDeliveryState.FAILED.value} if asked.failed_only else {}
    again = WebhookDelivery.within(actor, left_out, _id=ids, replay_id={"$ne": asked.id})
    await changes.change_all(WebhookDelivery, again, {"$set": {**_again(), "replay_id": asked.id}})


def _again() -> dict[str, Any]:
    return {"state": WebhookDeliveryState.PENDING.value, "tries": 0, "due": now(), "ended_at": None}


async def _look(actor: Actor, endpoint_id: ObjectId) -> None:
    """Let the endpoint look at once, though it be left alone for now."""
    resting = WebhookEndpoint.within(actor, _id=endpoint_id, rests_until={"$ne": None})
    await changes.change(WebhookEndpoint, resting, {"$set": {"rests_until": now()}})
    await waking.wake_now(actor, endpoint_id)
