"""What is known of a person's attention at one moment, for every decision about it."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from bson import ObjectId

from app.core.actor import Actor
from app.core.clock import now
from app.core.errors import Forbidden, NotFound
from app.models import Delivery, DeliveryState, NotificationKind, Permission, User
from app.services.notifications import addresses, preferences
from app.services.notifications.decisions import DAY, Attention, Decision, Interruption, decide
from app.services.notifications.types.registry import TYPES

PLATFORM = Actor.platform()
MOST = 1_000
"""Interruptions of a person in a day that are looked at."""
_NONE = (DeliveryState.CANCELLED, DeliveryState.SUPPRESSED, DeliveryState.FAILED)


async def of(user: User, organization_id: ObjectId, at: datetime) -> Attention:
    """A person's attention in one of their organizations; what came by any of them counts."""
    return (await of_all([user], organization_id, at))[user.id]


async def of_all(people: Sequence[User], organization_id: ObjectId, at: datetime) -> Mapping[ObjectId, Attention]:
    """The attention of members of an organization, by their ids."""
    ids = [person.id for person in people]
    chosen, usual = await preferences.of_people(ids), await preferences.of_organization(organization_id)
    organization = preferences.by_key(usual.choices)
    reachable, past = await addresses.channels(ids), await _past(ids, at)
    return {
        user.id: Attention(
            zone=user.time_zone,
            own=preferences.by_key(own.choices),
            organization=organization,
            quiet=preferences.quiet(own, user.time_zone),
            digest_minute=own.digest_minute,
            digest_weekday=own.digest_weekday,
            daily_cap=own.daily_cap,
            reachable=reachable[user.id],
            past=past[user.id],
        )
        for user in people
        for own in (chosen[user.id],)
    }


async def preview(
    actor: Actor, user_id: ObjectId | None, kind: NotificationKind, at: datetime | None
) -> Sequence[Decision]:
    """When, where and why somebody, oneself if nobody is named, would be told of something at a moment, or now.

    Raises NotFound and Forbidden: of others it is told to who manages members.
    """
    user_id = user_id or actor.user_id
    if user_id != actor.user_id and not actor.can(Permission.MEMBERS_MANAGE):
        raise Forbidden("This needs the permission {permission}.", permission=Permission.MEMBERS_MANAGE.value)
    user = await User.lookup(actor, _id=user_id)
    if user is None:
        raise NotFound("There is no such {kind}.", kind="User")
    assert actor.organization_id
    moment = at or now()
    return decide(TYPES[kind], await of(user, actor.organization_id, moment), moment)


async def _past(user_ids: Sequence[ObjectId], at: datetime) -> Mapping[ObjectId, Sequence[Interruption]]:
    where = {
        "user_id": {"$in": list(user_ids)},
        "created_at": {"$gt": at - DAY},
        "state": {"$nin": [state.value for state in _NONE]},
    }
    fields = frozenset({"user_id", "channel", "kind", "created_at"})
    found: dict[ObjectId, list[Interruption]] = {id: [] for id in user_ids}
    for row in await Delivery.select(PLATFORM, where, fields=fields, limit=MOST * len(user_ids)):
        assert row.user_id
        found[row.user_id].append(Interruption(row.channel, row.kind, row.created_at))
    return found
