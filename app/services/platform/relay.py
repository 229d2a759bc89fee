"""The relay: every row of the change log as a message of RabbitMQ, for programs that are not Atrium's.

A message is a CloudEvents 1.0 event in JSON (https://github.com/cloudevents/spec). It goes to the topic exchange
`atrium.events` by the routing key `<organization's id, or platform>.<event>`, such as `*.MessageSent`. At least once,
in the log's order: what comes again has the same message id, and `position` tells where it belongs. What no queue is
bound to is dropped by the broker, so a program declares its queue before it relies on it.
"""

from base64 import b64encode
from collections.abc import Sequence
from functools import partial
from typing import Any

import orjson

from app.core.changes import Change, Consumer, log
from app.core.settings import settings
from app.integrations.rabbitmq import Publication, Publisher

EXCHANGE = "atrium.events"
NAME = "relay"
"""The consumer's."""
_MEDIA = "application/cloudevents+json"


async def run() -> None:
    """Relay for ever to the broker that RELAY_URL names."""
    url = settings().relay_url
    if url is None:
        raise RuntimeError("RELAY_URL names no broker")
    publisher = Publisher(str(url), EXCHANGE)
    try:
        await Consumer(NAME, partial(forward, publisher)).run()
    finally:
        await publisher.close()


async def forward(publisher: Publisher, page: Sequence[Change]) -> None:
    """Publish a page, and return when the broker has it."""
    epoch = (await log.state()).epoch
    await publisher.publish([publication(change, epoch) for change in page])


def publication(change: Change, epoch: int) -> Publication:
    """A row as a message. It needs no class of the event, so what this release does not know is relayed as well."""
    organization = str(change.organization_id) if change.organization_id else "platform"
    name, _, version = change.type.rpartition(".")
    place = {"organization": organization, "position": str(change.position), "epoch": str(epoch)}
    event = {
        "specversion": "1.0",
        "id": str(change.id),
        "source": str(settings().public_url),
        "type": change.type,
        "time": change.at,
        "datacontenttype": "application/json",
        **place,
        "actor": change.actor,
        "streams": " ".join(change.streams),
        "data": change.data,
    }
    return Publication(
        routing_key=f"{organization}.{name}",
        id=str(change.id),
        type=change.type,
        at=change.at,
        headers={
            "type": name,
            "version": int(version),
            "organization": organization,
            "position": change.position,
            "epoch": epoch,
        },
        body=orjson.dumps(event, default=_plain, option=orjson.OPT_UTC_Z),
        content_type=_MEDIA,
    )


def _plain(value: Any) -> Any:
    return b64encode(value).decode() if isinstance(value, bytes) else str(value)
