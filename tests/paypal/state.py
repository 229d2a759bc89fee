"""What the PayPal of the tests knows: resources in the shape of its reference, and the events that they cause.

Source of the shapes: https://developer.paypal.com/api/rest/current-resources
"""

import copy
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from tests.integrations.vendor import Thing

ALPHABET = "ABCDEFGHJKLMNPRSTUVWXYZ0123456789"
TYPES = {
    "order": "checkout-order",
    "capture": "capture",
    "refund": "refund",
    "token": "payment_token",
    "dispute": "dispute",
}
SHAPES: Mapping[str, Thing] = {
    "order": {"intent": "CAPTURE", "status": "CREATED", "purchase_units": [], "payment_source": {}},
    "capture": {
        "status": "COMPLETED", "amount": {}, "final_capture": True, "custom_id": None, "invoice_id": None,
        "supplementary_data": {}, "seller_protection": {"status": "ELIGIBLE"},
    },
    "refund": {"status": "COMPLETED", "amount": {}, "custom_id": None, "invoice_id": None, "note_to_payer": None},
    "token": {"customer": {}, "payment_source": {}, "metadata": {}},
    "dispute": {
        "disputed_transactions": [], "reason": "MERCHANDISE_OR_SERVICE_NOT_RECEIVED", "status": "OPEN",
        "seller_response_due_date": "2030-01-10T00:00:00.000Z",
        "dispute_amount": {}, "dispute_life_cycle_stage": "CHARGEBACK", "dispute_channel": "INTERNAL",
    },
}  # fmt: skip


class Refusal(Exception):
    """An error as PayPal answers it."""

    def __init__(self, issue: str, *, status: int = 422, field: str | None = None) -> None:
        super().__init__(issue)
        names = {
            400: "INVALID_REQUEST",
            401: "AUTHENTICATION_FAILURE",
            404: "RESOURCE_NOT_FOUND",
            409: "RESOURCE_CONFLICT",
            422: "UNPROCESSABLE_ENTITY",
        }
        detail = {"issue": issue, "description": f"{issue}."} | ({"field": field} if field else {})
        self.status = status
        self.body: Thing = {
            "name": names.get(status, "INTERNAL_SERVER_ERROR"),
            "message": "The requested action could not be performed.",
            "debug_id": secrets.token_hex(7),
            "details": [detail],
        }


class State:
    """Resources by their ids, and what has happened to them."""

    def __init__(self) -> None:
        self.url = ""
        self.things: dict[str, Thing] = {}
        self.kinds: dict[str, str] = {}
        self.events: list[Thing] = []
        self.on_event: Callable[[Thing], None] = lambda event: None

    def make(self, kind: str, path: str, **known: Any) -> Thing:
        """A new resource; KeyError for what the reference does not have."""
        for name in known:
            if name not in SHAPES[kind]:
                raise KeyError(f"{kind} has no {name}")
        id = "".join(secrets.choice(ALPHABET) for _ in range(17))
        named = {"dispute_id": f"PP-D-{id}"} if kind == "dispute" else {"id": id}
        id = next(iter(named.values()))
        made = {**named, **copy.deepcopy(SHAPES[kind]), **known, "create_time": said()}
        made["links"] = [{"href": f"{self.url}{path}/{id}", "rel": "self", "method": "GET"}]
        self.things[id], self.kinds[id] = made, kind
        return made

    def get(self, kind: str, id: str) -> Thing:
        if self.kinds.get(id) != kind:
            raise Refusal("INVALID_RESOURCE_ID", status=404)
        return self.things[id]

    def all(self, kind: str, **equal: Any) -> list[Thing]:
        """The oldest first."""
        found = [thing for id, thing in self.things.items() if self.kinds[id] == kind]
        return [one for one in found if all(one.get(name) == value for name, value in equal.items())]

    def tell(self, type: str, kind: str, thing: Thing) -> None:
        """That something has happened, with the resource as it is at this moment."""
        event = {
            "id": f"WH-{secrets.token_hex(8).upper()}-{secrets.token_hex(8).upper()}",
            "event_version": "1.0",
            "create_time": said(),
            "resource_type": TYPES[kind],
            "resource_version": "2.0",
            "event_type": type,
            "summary": type.capitalize(),
            "resource": copy.deepcopy(thing),
            "links": [],
        }
        self.events.append(event)
        self.on_event(event)


def said(at: datetime | None = None) -> str:
    """A moment as PayPal writes it."""
    return (at or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
