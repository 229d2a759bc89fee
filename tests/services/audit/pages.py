"""Pages of the change log, as the trail reads them."""

from collections.abc import Sequence
from itertools import count

from bson import ObjectId

from app.core import database
from app.core.actor import Actor
from app.core.changes import Change, Event
from app.core.clock import now
from app.models.organizations.events import MembershipChanged

ORGANIZATION = ObjectId()
ADMIN = Actor(ORGANIZATION, ObjectId())
_positions = count(1)


def joined(actor: Actor = ADMIN) -> MembershipChanged:
    """Somebody's place has changed."""
    return MembershipChanged(actor, user=ObjectId(), state="active", role="member")


def page(*events: Event) -> Sequence[Change]:
    """Rows of the log that tell of these events."""
    return [Change.of({**event.row(), "_id": next(_positions), "at": now()}) for event in events]


async def logged(*events: Event) -> Sequence[Change]:
    """The same, in the log, where the trail has read all of it."""
    log = database.collection("log")
    head = await log.count_documents({})
    rows = [{**event.row(), "_id": position, "at": now()} for position, event in enumerate(events, head + 1)]
    await log.insert_many(rows)
    read = {"$set": {"position": head + len(events)}}
    await database.collection("consumers").update_one({"_id": "audit"}, read, upsert=True)
    return [Change.of(row) for row in rows]


async def silent(name: str, done: int, total: int) -> None:
    """Progress that nobody looks at."""
