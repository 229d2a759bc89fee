"""When endpoints are at work: the change log wakes them, a moment that has come, or a person.

An endpoint that is awake has one run at work, a job, which reads the log from the endpoint's position by itself. So
whoever finds it awake has nothing to do; and it falls asleep before it looks for the last time, so nothing is missed.
One that sleeps has heard of everything that the consumer has handled, unless it rests (`rests_until`): then the log has
more for it, and nothing but time or a person wakes it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bson import ObjectId

from app.core import changes
from app.core.actor import Actor
from app.core.changes import Change, operations
from app.models import WebhookEndpoint, WebhookState
from app.models.webhooks.events import WebhookAsleep, WebhookWoken
from app.services.webhooks import public

CONSUMER = "webhooks"
_WAKING = frozenset({"types", "filter", "run", "organization_id"})


async def follow(page: Sequence[Change]) -> None:
    """Wake the endpoints that hear of something in a page of the log."""
    by_organization: dict[ObjectId, list[Change]] = {}
    for change in page:
        if change.organization_id and change.type in public.BY_EVENT:
            by_organization.setdefault(change.organization_id, []).append(change)
    for organization_id, told in by_organization.items():
        inside = Actor.platform(organization_id)
        asleep = {"state": WebhookState.ACTIVE.value, "awake": False, "rests_until": None}
        for endpoint in await WebhookEndpoint.select(inside, asleep, fields=_WAKING):
            first = next((change.position for change in told if public.heard(endpoint, change)), None)
            if first is not None:
                await wake(inside, endpoint.id, endpoint.run, after=first - 1)


async def wake(actor: Actor, id: ObjectId, run: int, *, after: int = 0, **set: Any) -> WebhookEndpoint | None:
    """Let a run begin, the one after `run`, unless the endpoint is at work or has been at work since.

    It reads the log from its position, or from `after` if that is further.
    """
    asleep = WebhookEndpoint.within(actor, _id=id, run=run, awake=False, state=WebhookState.ACTIVE.value)
    told = WebhookWoken(Actor.platform(actor.organization_id), endpoint=id, run=run + 1)
    woken = {"$set": {"awake": True, "run": run + 1, **set}, "$max": {"position": after}}
    return await changes.change(WebhookEndpoint, asleep, woken, told)


async def wake_now(actor: Actor, id: ObjectId) -> None:
    """Let it look at once, if it sleeps."""
    endpoint = await WebhookEndpoint.lookup(actor, _id=id)
    if endpoint:
        await wake(actor, id, endpoint.run, after=await heard_until(endpoint))


async def heard_until(endpoint: WebhookEndpoint) -> int:
    """The position up to which an endpoint has heard of everything."""
    caught_up = endpoint.state is WebhookState.ACTIVE and not endpoint.awake and endpoint.rests_until is None
    return max(endpoint.position, await operations.position_of(CONSUMER) if caught_up else 0)


async def go_on(actor: Actor, endpoint: WebhookEndpoint) -> None:
    """Let another run, in its own job, go on from here."""
    told = WebhookWoken(actor, endpoint=endpoint.id, run=endpoint.run + 1)
    await changes.change(WebhookEndpoint, at_work(actor, endpoint), {"$set": {"run": endpoint.run + 1}}, told)


async def sleep(actor: Actor, endpoint: WebhookEndpoint, until: datetime | None, *, rests: bool) -> None:
    """End a run: nothing is to be done before `until`, or, unless it `rests`, before something happens."""
    told = [WebhookAsleep(actor, endpoint=endpoint.id, until=until)] if until else []
    asleep = {"$set": {"awake": False, "rests_until": until if rests else None}}
    await changes.change(WebhookEndpoint, at_work(actor, endpoint), asleep, *told)


def at_work(actor: Actor, endpoint: WebhookEndpoint) -> dict[str, Any]:
    """The filter of an endpoint while this run of it is at work."""
    return WebhookEndpoint.within(actor, _id=endpoint.id, run=endpoint.run, awake=True)
