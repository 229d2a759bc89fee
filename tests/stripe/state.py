"""What the Stripe of the tests knows: objects in the shape of Stripe's fixtures, and the events that they cause.

`fixtures.json` is a part of Stripe's published fixtures for its API (MIT, see LICENSE beside it).
"""

import copy
import json
import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Thing = dict[str, Any]

FIXTURES: Mapping[str, Thing] = json.loads((Path(__file__).parent / "fixtures.json").read_text())
PREFIXES = {
    "account": "acct",
    "balance_transaction": "txn",
    "billing_portal.session": "bps",
    "charge": "ch",
    "checkout.session": "cs_test",
    "customer": "cus",
    "dispute": "dp",
    "event": "evt",
    "payment_intent": "pi",
    "payment_method": "pm",
    "payout": "po",
    "refund": "re",
    "setup_intent": "seti",
    "transfer": "tr",
    "transfer_reversal": "trr",
}


class Refusal(Exception):
    """An error as Stripe answers it."""

    def __init__(self, status: int, type: str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status, self.body = status, {"error": {"type": type, "message": message, **more}}


def invalid(message: str, code: str | None = None, param: str | None = None, status: int = 400) -> Refusal:
    more = {name: value for name, value in (("code", code), ("param", param)) if value}
    return Refusal(status, "invalid_request_error", message, **more)


class State:
    """Objects by their ids, and what has happened to them."""

    def __init__(self) -> None:
        self.things: dict[str, Thing] = {}
        self.events: list[Thing] = []
        self.balances: dict[str, int] = {}
        """Of connected accounts, by account and currency."""
        self.on_event: Callable[[Thing], None] = lambda event: None
        self.clock: Callable[[], float] = time.time

    def make(self, kind: str, **known: Any) -> Thing:
        """A new object, in the shape of the fixture; KeyError for what the fixture has not."""
        shape = copy.deepcopy(FIXTURES[kind])
        for name in known:
            if name not in shape:
                raise KeyError(f"{kind} has no {name}")
        made = {**shape, "created": int(self.clock()), **known}
        if "id" in shape and "id" not in known:
            made["id"] = f"{PREFIXES[kind]}_{secrets.token_hex(12)}"
        if "id" in made:
            self.things[made["id"]] = made
        return made

    def get(self, kind: str, id: str) -> Thing:
        found = self.things.get(id)
        if found is None or found["object"] != kind or found.get("deleted"):
            raise invalid(f"No such {kind}: '{id}'", "resource_missing", "id", 404)
        return found

    def all(self, kind: str, **equal: Any) -> list[Thing]:
        """The newest first."""
        found = [one for one in self.things.values() if one["object"] == kind]
        return [one for one in reversed(found) if all(one.get(name) == value for name, value in equal.items())]

    def tell(self, type: str, thing: Thing, account: str | None = None) -> None:
        """That something has happened to a thing, as it is at this moment."""
        made = self.make("event", type=type, data={"object": copy.deepcopy(thing)}, pending_webhooks=1)
        if account:
            made["account"] = account
        self.events.append(made)
        self.on_event(made)


def listed(things: list[Thing], params: Mapping[str, Any], url: str) -> Thing:
    """A page of a list, as Stripe cuts it."""
    first, after = int(params.get("limit", 10)), params.get("starting_after")
    if not 1 <= first <= 100:
        raise invalid("This value must be between 1 and 100.", "parameter_invalid_integer", "limit")
    found = [one for one in things if _created(one, params.get("created"))]
    if after is not None:
        places = [n for n, one in enumerate(found) if one["id"] == after]
        if not places:
            raise invalid(f"No such object: '{after}'", "resource_missing", "starting_after")
        found = found[places[0] + 1 :]
    return {"object": "list", "url": url, "has_more": len(found) > first, "data": found[:first]}


def _created(thing: Thing, asked: Any) -> bool:
    if asked is None:
        return True
    if isinstance(asked, int):
        return bool(thing["created"] == asked)
    tests: dict[str, Callable[[int, int], bool]] = {
        "gt": int.__gt__,
        "gte": int.__ge__,
        "lt": int.__lt__,
        "lte": int.__le__,
    }
    return all(tests[name](thing["created"], int(bound)) for name, bound in asked.items())
