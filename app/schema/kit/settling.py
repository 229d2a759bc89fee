"""Reading one's own writes: a mutation that answers when its events are heard, and a token to read elsewhere."""

from collections.abc import Collection
from typing import Any

import strawberry
from bson import ObjectId
from strawberry.directive import DirectiveLocation

from app.core import changes

DIRECTIVE = "settled"
HEADER = "Atrium-After"
SECONDS = 2.0
"""How long an answer waits for events at most."""
_FEED = (DIRECTIVE,)


@strawberry.directive(
    locations=[DirectiveLocation.FIELD],
    name=DIRECTIVE,
    description=(
        "On a mutation: answer when this server has heard of what it told, two seconds later at most, so that cursors, "
        "subscriptions and cached views that are read next contain it. The response's `extensions.settled` says by the "
        f"field's response name whether it is so (`ok`), and `after` is a token: any server that gets it as `{HEADER}` "
        "header of a request runs that once it has heard as much, or refuses it as UNAVAILABLE."
    ),
)
def settled() -> None:
    """Only declares the directive: `Attempt` reads it from the operation."""


async def settle(events: Collection[ObjectId]) -> dict[str, Any]:
    """Wait until this process has heard of the events; answers what the client is told of it."""
    hub = changes.hub()
    position = await hub.settled(events, SECONDS)
    return {"ok": position is not None, "after": None if position is None else hub.cursor(position, _FEED)}


async def caught_up(after: str) -> bool:
    """Whether this process has heard what the token's has, within SECONDS. Raises BadCursor and ResyncRequired."""
    hub = changes.hub()
    return await hub.reached(hub.read_cursor(after, _FEED), SECONDS)
