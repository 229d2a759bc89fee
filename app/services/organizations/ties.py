"""Following people of one's organization, and keeping people away from oneself."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from bson import ObjectId

from app.core import changes
from app.core.actor import Actor
from app.core.clock import new_id, now
from app.core.commands import Command, Ref
from app.core.errors import Forbidden, Invalid, NotFound
from app.core.paging import Page, PageArgs
from app.core.rows import Names, Value
from app.models import Feature, Tie, TieDocument, TieKind, User
from app.models.organizations.events import Blocked, Followed, Unblocked, Unfollowed
from app.services.organizations import organizations

FOLLOWED, BLOCKED = TieKind.FOLLOWED, TieKind.BLOCKED
BATCH = 500


class BlockedByThem(Forbidden):
    """The person wants nothing to do with the caller."""

    code = "BLOCKED"


@dataclass(slots=True)
class Standing(Value):
    """How many follow a person of the organization and how many they follow; what the actor has to do with them."""

    follower_count: int = 0
    following_count: int = 0
    followed_by_me: bool = False
    blocked_by_me: bool = False


class PersonAction(Command):
    """Somebody in the organization."""

    user_id: Annotated[ObjectId, Ref("User")]


async def followers(actor: Actor, user_id: ObjectId, page: PageArgs) -> Page[Tie]:
    """Who follows a person."""
    return await Tie.page(actor, page, {"user_id": user_id, "kind": FOLLOWED.value})


async def following(actor: Actor, user_id: ObjectId, page: PageArgs) -> Page[Tie]:
    """Whom a person follows."""
    return await Tie.page(actor, page, {"other_id": user_id, "kind": FOLLOWED.value})


async def blocked(actor: Actor, page: PageArgs) -> Page[Tie]:
    """Whom the actor has blocked."""
    return await Tie.page(actor, page, {"user_id": actor.user_id, "kind": BLOCKED.value})


async def find(actor: Actor, id: ObjectId) -> Tie | None:
    """The tie: anybody's following, one's own blocks."""
    seen = {"$or": [{"kind": FOLLOWED.value}, {"user_id": actor.user_id}]}
    return await Tie.lookup(actor, seen, _id=id)


async def must_be_welcome(actor: Actor, user_id: ObjectId) -> None:
    """Raises BlockedByThem when the person has blocked the actor."""
    if await Tie.lookup(actor, user_id=user_id, other_id=actor.user_id, kind=BLOCKED.value):
        raise BlockedByThem("This person does not want to hear from you.")


@changes.atomic
async def follow(actor: Actor, given: PersonAction) -> User:
    """Follow a person, who may be followed already. Raises NotFound, BlockedByThem or FeatureOff."""
    await organizations.must_offer(actor, Feature.FOLLOWING)
    user = await _other(actor, given)
    tie = _tie(actor, user.id, actor.user_id, FOLLOWED)
    same = Tie.within(actor, user_id=tie.user_id, other_id=tie.other_id)
    stored, _ = await changes.insert_once(tie, same, Followed(actor, user=tie.user_id, other=tie.other_id))
    if stored.kind is BLOCKED:
        raise BlockedByThem("This person does not want to hear from you.")
    return user


@changes.atomic
async def unfollow(actor: Actor, given: PersonAction) -> User:
    """Follow a person no more. Raises NotFound."""
    user = await _other(actor, given)
    await _part(actor, user.id, actor.user_id)
    return user


@changes.atomic
async def block(actor: Actor, given: PersonAction) -> User:
    """Keep a person away: neither follows the other from here on. Raises NotFound."""
    assert actor.user_id
    user = await _other(actor, given)
    tie = _tie(actor, actor.user_id, user.id, BLOCKED)
    same = Tie.within(actor, user_id=tie.user_id, other_id=tie.other_id)
    told = Blocked(actor, user=tie.user_id, other=tie.other_id)
    stored, created = await changes.insert_once(tie, same, told)
    if not created and stored.kind is not BLOCKED:
        await changes.change(Tie, same, {"$set": {"kind": BLOCKED.value, "created_at": tie.created_at}}, told)
    await _part(actor, user.id, actor.user_id)
    return user


@changes.atomic
async def unblock(actor: Actor, given: PersonAction) -> User:
    """Let a person come near again. Raises NotFound."""
    user = await _other(actor, given)
    where = Tie.within(actor, user_id=actor.user_id, other_id=user.id, kind=BLOCKED.value)
    await changes.remove(Tie, where, Unblocked(actor, user=actor.user_id, other=user.id))  # type: ignore[arg-type]
    return user


async def forget(organization_id: ObjectId, user_id: ObjectId) -> None:
    """Let somebody who has left the organization follow nobody and be followed by nobody; blocks stay."""
    sides = {"$or": [{"user_id": user_id}, {"other_id": user_id}], "kind": FOLLOWED.value}
    where = Tie.within(Actor.platform(organization_id), sides)
    while await changes.erase(Tie, where, limit=BATCH):
        pass


async def standing(actor: Actor, ids: Iterable[ObjectId], fields: Names | None) -> Mapping[ObjectId, Standing]:
    """How each of these people stands among the others; there are no ties outside organizations."""
    ids = list(ids)
    if actor.organization_id is None:
        return dict.fromkeys(ids, Standing())
    mine = {"$or": [{"user_id": actor.user_id, "other_id": {"$in": ids}, "kind": BLOCKED.value}]}
    mine["$or"].append({"user_id": {"$in": ids}, "other_id": actor.user_id, "kind": FOLLOWED.value})
    followers, following = await Tie.followed(actor, "user_id", ids), await Tie.followed(actor, "other_id", ids)
    ties = await Tie.select(actor, mine)
    followed = {tie.user_id for tie in ties if tie.kind is FOLLOWED}
    blocked = {tie.other_id for tie in ties if tie.kind is BLOCKED}
    return {id: Standing(followers.get(id, 0), following.get(id, 0), id in followed, id in blocked) for id in ids}


async def _other(actor: Actor, given: PersonAction) -> User:
    """The person meant. Raises NotFound, and Invalid for oneself."""
    if given.user_id == actor.user_id:
        raise Invalid("Name somebody besides yourself.", path=["input", "userId"])
    user = await User.lookup(actor, _id=given.user_id)
    if user is None:
        raise NotFound("There is no such User.", path=["input", "userId"])
    return user


def _tie(actor: Actor, user_id: ObjectId, other_id: Any, kind: TieKind) -> TieDocument:
    assert actor.organization_id
    return TieDocument(
        id=new_id(),
        organization_id=actor.organization_id,
        user_id=user_id,
        other_id=other_id,
        kind=kind,
        created_at=now(),
    )


async def _part(actor: Actor, user_id: ObjectId, other_id: Any) -> None:
    where = Tie.within(actor, user_id=user_id, other_id=other_id, kind=FOLLOWED.value)
    await changes.remove(Tie, where, Unfollowed(actor, user=user_id, other=other_id))
