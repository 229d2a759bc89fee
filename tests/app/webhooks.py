"""The calls of a scene that are about webhooks."""

from collections.abc import Callable, Mapping
from typing import Any

from tests.app import props
from tests.app.accounts import given, nothing, page

Arguments = dict[str, Any]

CALLS: Mapping[str, Callable[[Any], Arguments]] = {
    "webhookEvent": nothing,
    "webhookEndpoints": page,
    "webhookDeliveries": lambda s: {"first": 3, "endpointId": s.endpoint, "filter": {"state": {"in": ["FAILED"]}}},
    "webhookPreviews": lambda s: {"first": 3, "endpointId": s.endpoint, "document": "{ webhookEvent { type } }"},
    "createWebhookEndpoint": lambda _: {
        "input": props.ENDPOINT | {"document": "{ webhookEvent { type } }"},
        "filter": {"state": {"eq": "active"}},
    },
    "updateWebhookEndpoint": given(endpointId=lambda s: s.endpoint, url=lambda _: "http://127.0.0.1:2/"),
    "rotateWebhookSecret": given(endpointId=lambda s: s.endpoint, overlapHours=lambda _: 1),
    "pauseWebhookEndpoint": given(endpointId=lambda s: s.endpoint),
    "resumeWebhookEndpoint": given(endpointId=lambda s: s.endpoint, skip=lambda _: True),
    "removeWebhookEndpoint": given(endpointId=lambda s: s.endpoint),
    "resendWebhook": given(deliveryId=lambda s: s.webhook_delivery),
    "replayWebhooks": given(endpointId=lambda s: s.endpoint, since=lambda _: "2026-01-01T00:00:00Z"),
}
