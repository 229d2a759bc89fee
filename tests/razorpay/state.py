"""What the Razorpay of the tests knows: entities in the shape of its reference, and the events that they cause.

Source of the shapes: https://razorpay.com/docs/api
"""

import copy
import json
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any

from tests.integrations.vendor import Thing

ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz0123456789"
PREFIXES = {
    "contact": "cont",
    "customer": "cust",
    "dispute": "disp",
    "fund_account": "fa",
    "order": "order",
    "payment": "pay",
    "payment_link": "plink",
    "payout": "pout",
    "refund": "rfnd",
    "token": "token",
}
SHAPES: Mapping[str, Thing] = {
    "contact": {
        "name": None, "contact": None, "email": None, "type": None, "reference_id": None, "batch_id": None,
        "active": True, "notes": [],
    },
    "customer": {"name": None, "email": None, "contact": None, "gstin": None, "notes": []},
    "dispute": {
        "payment_id": None, "amount": 0, "currency": "INR", "amount_deducted": 0, "reason_code": "chargeback",
        "respond_by": 0, "status": "open", "phase": "chargeback",
    },
    "fund_account": {
        "contact_id": None, "account_type": None, "bank_account": None, "vpa": None, "batch_id": None, "active": True,
    },
    "order": {
        "amount": 0, "amount_paid": 0, "amount_due": 0, "currency": "INR", "receipt": None, "offer_id": None,
        "status": "created", "attempts": 0, "notes": [],
    },
    "payment": {
        "amount": 0, "currency": "INR", "status": "created", "order_id": None, "invoice_id": None,
        "international": False, "method": "upi", "amount_refunded": 0, "refund_status": None, "captured": False,
        "description": None, "card_id": None, "bank": None, "wallet": None, "vpa": None, "email": None,
        "contact": None, "customer_id": None, "token_id": None, "notes": [], "fee": None, "tax": None,
        "error_code": None, "error_description": None, "error_source": None, "error_step": None,
        "error_reason": None, "acquirer_data": {},
    },
    "payment_link": {
        "accept_partial": False, "amount": 0, "amount_paid": 0, "callback_method": "", "callback_url": "",
        "cancelled_at": 0, "currency": "INR", "customer": [], "description": "", "expire_by": 0, "expired_at": 0,
        "first_min_partial_amount": 0, "notes": [], "notify": {}, "payments": [], "reference_id": "",
        "reminder_enable": False, "reminders": [], "short_url": "", "status": "created", "updated_at": 0,
        "upi_link": False, "user_id": "",
    },
    "payout": {
        "fund_account_id": None, "amount": 0, "currency": "INR", "notes": [], "fees": 0, "tax": 0,
        "status": "processing", "purpose": None, "utr": None, "mode": None, "reference_id": None, "narration": None,
        "batch_id": None, "status_details": None,
    },
    "refund": {
        "amount": 0, "currency": "INR", "payment_id": None, "notes": [], "receipt": None,
        "acquirer_data": {"arn": None}, "batch_id": None, "status": "processed", "speed_processed": "normal",
        "speed_requested": "normal",
    },
    "token": {
        "token": None, "bank": None, "wallet": None, "method": "upi", "recurring": True,
        "recurring_details": {"status": "confirmed", "failure_reason": None}, "auth_type": None, "mrn": None,
        "used_at": None, "start_time": None, "dcc_enabled": False, "max_amount": 0, "expired_at": None,
    },
}  # fmt: skip


class Refusal(Exception):
    """An error as Razorpay answers it."""

    def __init__(self, description: str, *, status: int = 400, code: str = "BAD_REQUEST_ERROR", **more: Any) -> None:
        super().__init__(description)
        nothing: Thing = {"source": "NA", "step": "NA", "reason": "NA", "metadata": {}, "field": None}
        self.status, self.body = status, {"error": {"code": code, "description": description, **nothing, **more}}


class State:
    """Entities by their ids, and what has happened to them."""

    def __init__(self) -> None:
        self.things: dict[str, Thing] = {}
        self.kinds: dict[str, str] = {}
        self.events: list[Thing] = []
        self.on_event: Callable[[Thing], None] = lambda event: None
        self.headers: Mapping[str, str] = {}
        """Of the call that is answered."""
        self._kept: dict[str, tuple[str, Thing]] = {}
        """What was made by keys, with what was asked for."""

    def make(self, kind: str, **known: Any) -> Thing:
        """A new entity; KeyError for what the reference does not have."""
        for name in known:
            if name not in SHAPES[kind]:
                raise KeyError(f"{kind} has no {name}")
        id = f"{PREFIXES[kind]}_{''.join(secrets.choice(ALPHABET) for _ in range(14))}"
        named = {} if kind == "payment_link" else {"entity": kind}
        made = {"id": id, **named, **copy.deepcopy(SHAPES[kind]), **known, "created_at": int(time.time())}
        self.things[id], self.kinds[id] = made, kind
        return made

    def get(self, kind: str, id: str) -> Thing:
        if self.kinds.get(id) != kind:
            raise Refusal("The id provided does not exist")
        return self.things[id]

    def all(self, kind: str, **equal: Any) -> list[Thing]:
        """The newest first."""
        found = [thing for id, thing in self.things.items() if self.kinds[id] == kind]
        return [one for one in reversed(found) if all(one.get(name) == value for name, value in equal.items())]

    def known(self, key: str, asked: Any) -> Thing | None:
        """What was made for a key. Refusal if something else was asked for."""
        before, made = self._kept.get(key, ("", None))
        if made is not None and before != json.dumps(asked, sort_keys=True):
            raise Refusal("Different request with the same idempotency key has already been processed.")
        return made

    def forget_keys(self) -> None:
        self._kept.clear()

    def keep(self, key: str, asked: Any, made: Thing) -> None:
        if key:
            self._kept[key] = json.dumps(asked, sort_keys=True), made

    def tell(self, type: str, **parts: Thing) -> None:
        """That something has happened, with the entities as they are at this moment."""
        payload = {name: {"entity": copy.deepcopy(thing)} for name, thing in parts.items()}
        event = {
            "entity": "event",
            "account_id": "acc_ForTestsOnly00",
            "event": type,
            "contains": list(parts),
            "payload": payload,
            "created_at": int(time.time()),
        }
        self.events.append(event)
        self.on_event(event)


def listed(things: list[Thing], params: Mapping[str, Any]) -> Thing:
    """A part of a list, as Razorpay cuts it."""
    count, skip = int(params.get("count", 10)), int(params.get("skip", 0))
    if not 1 <= count <= 100:
        raise Refusal("The count may not be greater than 100.", field="count")
    first, last = int(params.get("from", 0)), int(params.get("to", 2**40))
    found = [one for one in things if first <= one["created_at"] <= last][skip : skip + count]
    return {"entity": "collection", "count": len(found), "items": found}


def notes_of(params: Mapping[str, Any]) -> Any:
    """Notes as Razorpay answers them: of nothing it makes a list."""
    notes = params.get("notes") or {}
    if len(notes) > 15 or any(len(str(value)) > 256 for value in notes.values()):
        raise Refusal("Number of fields in notes should be less than or equal to 15", field="notes")
    return dict(notes) or []
