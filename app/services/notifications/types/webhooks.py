"""Who is told that a webhook does not arrive: those who manage them."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from app.core.actor import Actor
from app.core.words import Words, sentence
from app.models import NotificationKind, Permission, WebhookEndpoint, WebhookFault
from app.models.webhooks.events import WebhookTroubled
from app.services.notifications.types.declaration import Notice, NotificationType, Told
from app.services.organizations import members

FAILING = sentence("The webhook at {host} has failed for a day; it is disabled if it goes on.")
DISABLED = {
    WebhookFault.FAILING: sentence("The webhook at {host} is disabled: it has failed for days."),
    WebhookFault.GONE: sentence("The webhook at {host} is disabled: the server says that it is gone."),
    WebhookFault.DOCUMENT: sentence(
        "The webhook at {host} is disabled: its document does not fit the schema any more."
    ),
}


def told_of(url: str, fault: str | None) -> Words:
    """What there is to say, in a line."""
    say = DISABLED[WebhookFault(fault)] if fault else FAILING
    return say(host=host_of(url))


def host_of(url: str) -> str:
    """What people know a server by."""
    return urlsplit(url).hostname or url


async def _troubled(told: Sequence[Told[WebhookTroubled]]) -> list[Notice]:
    made: list[Notice] = []
    for one in told:
        inside = Actor.platform(one.change.organization_id)
        endpoint = await WebhookEndpoint.lookup(inside, _id=one.event.endpoint)
        if endpoint is not None:
            people = await members.holders(inside, Permission.WEBHOOKS_MANAGE)
            text = told_of(endpoint.url, one.event.fault)
            made += [Notice(one.change, person.id, endpoint.organization_id, text) for person in people]
    return made


WEBHOOK = NotificationType(NotificationKind.WEBHOOK, WebhookTroubled, _troubled)
