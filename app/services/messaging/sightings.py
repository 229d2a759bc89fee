"""What is known of people's presence, and what of it each viewer may see."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from bson import ObjectId

from app.core.actor import Actor
from app.core.rows import Value
from app.models import User
from app.services.messaging import connections
from app.services.messaging.connections import Status
from app.services.organizations import members

_FIELDS = frozenset({"shows_presence", "last_seen_at"})


@dataclass(slots=True)
class Presence(Value):
    """Whether somebody is here, as one viewer may see it; `last_seen_at` only of those who are offline."""

    user_id: ObjectId
    status: Status
    last_seen_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sighting:
    """Somebody's presence as it is. `status` is None while Redis is away; `hidden` from everybody but themselves."""

    user_id: ObjectId
    status: Status | None = None
    last_seen_at: datetime | None = None
    hidden: bool = True

    def shown_to(self, viewer: ObjectId | None) -> Presence:
        if self.hidden and viewer != self.user_id:
            return Presence(self.user_id, Status.OFFLINE)
        status = self.status or Status.OFFLINE
        return Presence(self.user_id, status, self.last_seen_at if status is Status.OFFLINE else None)


async def look(organization_id: ObjectId, user_ids: Iterable[ObjectId]) -> dict[ObjectId, Sighting]:
    """A sighting of everybody named. Who has no active place in the organization is hidden."""
    ids, platform = list(user_ids), Actor.platform(organization_id)
    people = await User.by_ids(platform, ids, _FIELDS)
    here = await members.active_ids(platform, ids)
    statuses = await connections.statuses(organization_id, here) or {}
    sightings = {id: Sighting(id) for id in ids}
    for id in here:
        if user := people.get(id):
            sightings[id] = Sighting(id, statuses.get(id), user.last_seen_at, hidden=not user.shows_presence)
    return sightings
